// Every request waits a random time before it goes on, so that later ones overtake earlier ones.

import { setTimeout as wait } from 'node:timers/promises';
import { seeded } from '../random.mjs';

export function delay({ seed, maxMs }) {
  const random = seeded(seed);
  let arrived = 0;
  let latest = 0;
  return {
    async request(exchange, next, { counts }) {
      const number = (arrived += 1);
      await wait(random() * maxMs);
      counts.add('requests delayed');
      if (number < latest) counts.add('requests overtaken');
      latest = Math.max(latest, number);
      return next();
    },
  };
}
