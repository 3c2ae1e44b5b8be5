/** Long polls: `poll` by XHR, `jsonp` by script tags. */

import { Call } from './call';
import { Link, Receiver, fromJson } from './receive';

let polls = 0;

export function pollBy(call: Call): (link: Link) => Receiver {
  return function (link) {
    return {
      // The number lets a request that is sent twice on its way share its answer.
      stop: call(link.url('j') + '&p=' + ++polls, null, 0, function (answer) {
        if (!answer.ok) return link.failed(answer.code);
        link.alive();
        link.acked(answer.ack);
        const messages = answer.messages;
        for (let i = 0; i < messages.length; i++) link.unit(answer.seq + i, fromJson(messages[i]));
        link.over(!messages.length);
      }),
    };
  };
}
