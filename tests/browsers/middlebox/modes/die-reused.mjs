// A server, or a proxy, that closes a kept connection just when the next request is under way: the request is delivered,
// and the connection ends without a byte of the answer. Chromium then sends it again by itself, POSTs as well.

import { seeded } from '../random.mjs';

/** Of so many requests (0 to 1) on a connection that has carried others before. */
export function dieReused({ seed, rate }) {
  const random = seeded(seed);
  return {
    async request(exchange, next, { counts }) {
      if (!exchange.reused || random() >= rate) return next();
      const answer = await exchange.deliver();
      if (!answer.isStream) await answer.hold();
      counts.add('reused connections died');
      return exchange.cut({ byReset: false });
    },
  };
}
