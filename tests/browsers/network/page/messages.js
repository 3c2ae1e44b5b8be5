// The messages of both directions, known to both ends: the number tells what must arrive. A classic script, for pages
// and for Node, so that the two cannot disagree.

globalThis.messages = (function () {
  // One in so many is binary; one in so many has more bytes than a middlebox takes in a body.
  const BINARY_EVERY = 97;
  const LONG_EVERY = 100;
  const LONG_CHARACTERS = 6000;
  // Two, three and four bytes in UTF-8, what JSON escapes, and what ends a line in scripts.
  const FILLER = 'ä€😀"\\\u2028</script>&\u0000 ';

  function text(direction, number) {
    if (number % LONG_EVERY === LONG_EVERY / 2) return `${direction} ${number} ${'x'.repeat(LONG_CHARACTERS)}`;
    return `${direction} ${number} ${number % 10 === 0 ? FILLER : ''}`;
  }

  function bytes(direction, number) {
    const filled = new Uint8Array((number % 300) + 2);
    for (let at = 0; at < filled.length; at += 1) filled[at] = number * 7 + at + direction.length;
    return filled;
  }

  const isBinary = (number) => number % BINARY_EVERY === 5;

  /** Message `number`, from 0, of `up` or `down`. */
  function make(direction, number) {
    return isBinary(number) ? bytes(direction, number) : text(direction, number);
  }

  /** What is wrong with what came as message `number`, or null. `data` is text, or a Uint8Array. */
  function wrong(direction, number, data) {
    const expected = make(direction, number);
    const same =
      typeof expected === 'string' || typeof data === 'string'
        ? expected === data
        : expected.length === data.length && expected.every((byte, at) => byte === data[at]);
    const show = (each) => (typeof each === 'string' ? each.slice(0, 40) : `${each.length} bytes: ${each.slice(0, 8)}`);
    return same ? null : `message ${number} ${direction}: expected ${show(expected)}, came ${show(data)}`;
  }

  return { make, wrong };
})();
