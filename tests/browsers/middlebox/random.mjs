// Randomness that can be had again: the same seed decides the same, whatever the clock does.

const STEP = 0x6d2b79f5;

/** A generator of numbers in [0, 1) (mulberry32: 32 bits of state, enough to choose faults). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + STEP) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number in [0, end). */
export const below = (random, end) => Math.floor(random() * end);

/** One of these. */
export const oneOf = (random, choices) => choices[below(random, choices.length)];
