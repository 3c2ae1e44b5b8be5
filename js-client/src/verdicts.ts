/**
 * What does not work between this page and a target's origin, as names of transports. Known for a time, in the browser's
 * storage where there is one, otherwise as long as the page lives.
 */

import { now, root } from './engine';

const PREFIX = 'polysocket ';

let store: any = {};
try {
  store = root.localStorage || store;
  // The first look at it takes a browser some ms: better now than when a socket is to be opened.
  store.length;
} catch (_) {
  // Not for this frame.
}

/** Null when nothing is known; empty when all works. */
export function recall(target: string): string[] | null {
  const words = (store[PREFIX + target] || '').split(' ');
  return words.shift() > now() ? words : null;
}

export function remember(target: string, skip: string[], forMs: number): void {
  try {
    store[PREFIX + target] = now() + forMs + ' ' + skip.join(' ');
  } catch (_) {
    // Full.
  }
}
