// Chance that is the same in every run.

/** `random(n)`: 0 to n - 1. */
export function chance(seed) {
  let state = seed;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Characters of one to four bytes in UTF-8, and now and then half of a pair. */
export function someText(random, length) {
  const kinds = [
    () => 32 + random(90),
    () => 0x80 + random(0x700),
    () => 0x800 + random(0xc000),
    () => 0x10000 + random(0xfffff),
    () => 0xd800 + random(0x800),
  ];
  return Array.from({ length }, () => String.fromCodePoint(kinds[random(kinds.length)]())).join('');
}
