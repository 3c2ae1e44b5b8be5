/** Long polls: `poll` by XHR, `jsonp` by script tags. */

import { Link, Receiver, Transport, fromJson } from './receive';

let polls = 0;

export function poll(this: Transport, link: Link): Receiver {
  // The number lets a request that is sent twice on its way share its answer.
  return this.call!(link.url('j') + '&p=' + ++polls, null, 0, function (answer) {
    if (!answer.ok) return link.failed(answer.code);
    link.heard();
    link.acked(answer.ack);
    const messages = answer.messages;
    for (let i = 0; i < messages.length; i++) link.unit(answer.seq + i, fromJson(messages[i]));
    link.over(!messages.length);
  });
}
