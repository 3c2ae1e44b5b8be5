/** How a visit to a middlebox differs from: two sockets at once, all messages as soon as they are open. */
export const DIFFERENT = {
  // Nothing is wrong with this network: the browser's own has the time it needs, however busy the machine is.
  'none': { headStart: 10_000 },
  // The page says nothing until the cut is over.
  'cut after 200 ms': { quiet: 1000 },
  // A first socket is cut; the second then works, for longer than the cut takes.
  'cut after 5 s': { first: true, spread: 7000 },
  'two connections': { sockets: 3 },
};
