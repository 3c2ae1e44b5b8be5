// The server acts, and its answer never arrives: what a browser sees when a radio link breaks at the wrong moment.

import { seeded } from '../random.mjs';

/** Of so many requests (0 to 1) the answer is lost; the connection ends in order or by a reset. */
export function loseAnswers({ seed, rate }) {
  const random = seeded(seed);
  return {
    async request(exchange, next, { counts }) {
      if (random() >= rate) return next();
      const byReset = random() < 0.5;
      const answer = await exchange.deliver();
      // A stream has no end to wait for: all of it is lost from the start.
      if (!answer.isStream) await answer.hold();
      counts.add('answers lost');
      return exchange.cut({ byReset });
    },
  };
}
