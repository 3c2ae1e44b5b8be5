/** `sse`: an event stream. */

import { root } from './engine';
import { IDLE, Link, Receiver, fromJson } from './receive';

export function sse(link: Link): Receiver {
  const source = new root.EventSource(link.url('e'));
  source.onmessage = function (event: any) {
    const message = JSON.parse(event.data);
    const type = message.type;
    link.heard(type == IDLE);
    if (type == 'end') link.over();
    else link.unit(+event.lastEventId, fromJson(message));
  };
  // It would come again by itself, but not with what was acked meanwhile, and not when it was refused.
  source.onerror = function () {
    link.failed();
  };
  return function () {
    source.close();
  };
}
