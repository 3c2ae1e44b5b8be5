// Counts numbered texts as they arrive: what is lost, doubled or out of order. A classic script, for pages and for Node.

globalThis.makeTally = function () {
  const seen = new Set();
  let next = 0;
  let doubled = 0;
  let reordered = 0;
  return {
    take(text) {
      const number = Number.parseInt(text, 10);
      if (seen.has(number)) doubled += 1;
      else if (number < next) reordered += 1;
      seen.add(number);
      next = Math.max(next, number + 1);
    },
    get arrived() {
      return seen.size;
    },
    result: () => ({ arrived: seen.size, doubled, reordered }),
  };
};
