// Every request reaches the server twice. Proxies do this, and so do browsers: Chromium sends a POST again when a
// reused connection ends before the first byte of its answer.

import { setTimeout as wait } from 'node:timers/promises';
import { oneOf, seeded } from '../random.mjs';

/** How much later a late repeat comes, at most: long enough for further requests to be before it. */
const LATE_MS_MAX = 50;

const variants = {
  /** Right after the other; the client gets the answer to the first. */
  async first(exchange, box) {
    const answer = exchange.deliver();
    await Promise.all([box.deliverAside(exchange), answer.then((first) => exchange.pass(first))]);
  },
  /** Right after the other; the client gets the answer to the second. */
  async second(exchange, box) {
    await box.deliverAside(exchange);
    await exchange.pass(await exchange.deliver());
  },
  /** Again when the client has its answer, and perhaps further requests have come in between. */
  async late(exchange, box, random) {
    await exchange.pass(await exchange.deliver());
    wait(random() * LATE_MS_MAX).then(() => box.deliverAside(exchange));
  },
  /** Again when the answer to the first was lost, as Chromium does it. */
  async resent(exchange) {
    const lost = await exchange.deliver();
    if (!lost.isStream) await lost.hold();
    await exchange.pass(await exchange.deliver());
  },
};

/** Of so many requests (0 to 1), all by default. */
export function repeat({ seed, rate = 1 }) {
  const random = seeded(seed);
  return {
    async request(exchange, next, box) {
      if (random() >= rate) return next();
      const variant = oneOf(random, Object.keys(variants));
      box.counts.add('requests repeated');
      box.counts.add(`${exchange.head.method} repeated, ${variant}`);
      return variants[variant](exchange, box, random);
    },
  };
}
