/** Events come each in a task of its own, so that what a page awaits has happened before the next. */

import { root } from './engine';

const queue: (() => void)[] = [];
let port: any;

function runNext(): void {
  queue.shift()!();
}

export function task(run: () => void): void {
  queue.push(run);
  if (!root.MessageChannel)
    // An engine that old has no promises either: all can run at once, as nothing happens in between.
    setTimeout(function () {
      while (queue[0]) runNext();
    }, 0);
  else {
    if (!port) {
      const channel = new root.MessageChannel();
      channel.port1.onmessage = runNext;
      port = channel.port2;
    }
    port.postMessage(0);
  }
}
