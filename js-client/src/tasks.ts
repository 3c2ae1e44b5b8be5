/** Events come each in a task of its own, so that what a page awaits has happened before the next. */

import { root } from './engine';

const queue: (() => void)[] = [];
let port: any;

if (root.MessageChannel) {
  const channel = new root.MessageChannel();
  channel.port1.onmessage = runNext;
  port = channel.port2;
}

function runNext(): void {
  queue.shift()!();
}

export function task(run: () => void): void {
  queue.push(run);
  // Timers of pages that nobody looks at come once a second. Those of old engines may come in any order.
  if (port) port.postMessage(0);
  else setTimeout(runNext, 0);
}
