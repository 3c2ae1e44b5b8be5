/**
 * What does not work between this page and a target, as names of transports. Known per origin of page and target for a
 * time, in the browser's storage where there is one, otherwise as long as the page lives.
 */

import { now, root } from './engine';

let store: any = {};
try {
  store = root.localStorage || store;
} catch (_) {
  // Not for this frame.
}

function keyOf(target: string): string {
  return 'polysocket ' + target.split(/[\/?]/)[2];
}

/** Null when nothing is known; empty when all works. */
export function recall(target: string): string[] | null {
  const words = (store[keyOf(target)] || '').split(' ');
  return words.shift() > now() ? words : null;
}

export function remember(target: string, skip: string[], forMs: number): void {
  try {
    store[keyOf(target)] = [now() + forMs].concat(skip as any).join(' ');
  } catch (_) {
    // Full.
  }
}
