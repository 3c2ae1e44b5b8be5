// A connection that breaks within an answer: its first bytes arrive, in the head or in the body, then it ends.

import { below, seeded } from '../random.mjs';

/** The longest part of a stream that passes: 2 to the power of this. */
const STREAM_BITS_MAX = 14;
const STREAM_BITS_MIN = 4;

/** As many bytes of a stream as let small and large parts happen equally often. */
const bytesOfStream = (random) => 2 ** (STREAM_BITS_MIN + random() * (STREAM_BITS_MAX - STREAM_BITS_MIN));

/** Of so many answers (0 to 1) a random part arrives; the connection then ends in order or by a reset. */
export function truncate({ seed, rate }) {
  const random = seeded(seed);
  return {
    async request(exchange, next, { counts }) {
      if (random() >= rate) return next();
      const byReset = random() < 0.5;
      const answer = await exchange.deliver();
      let left = Math.floor(answer.isStream ? bytesOfStream(random) : below(random, answer.wireLength));
      counts.add('answers truncated');
      for await (const piece of answer.wire()) {
        await exchange.write(piece.subarray(0, left));
        left -= piece.length;
        if (left <= 0) break;
      }
      return exchange.cut({ byReset });
    },
  };
}
