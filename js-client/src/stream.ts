/** `stream`: one long answer of frames, read by XHR while it comes. */

import { fromCode } from './bytes';
import { frameReader } from './frames';
import { Link, Receiver } from './receive';
import { openRequest } from './xhr';

/** The engine keeps all of an answer; after so many bytes the next is opened. */
const BUDGET_BYTES = 262144;

export function stream(link: Link): Receiver {
  const read = frameReader(link);
  let at = 0;
  const request = openRequest(
    link.url('x') + '&budget=' + BUDGET_BYTES,
    null,
    function (request) {
      if (request.readyState < 3) return;
      const text = request.responseText;
      if (request.status == 200) {
        const bytes = text.substring(at).replace(/[^\0-\xff]/g, low);
        at = text.length;
        read(bytes);
      }
      // After `end` this is not heard any more: it was truncated, or refused.
      if (request.readyState > 3) link.failed(/"gone"/.test(text) ? 'gone' : '');
    },
    // Each byte becomes a character: itself, or itself in the block from U+F700 on.
    'text/plain; charset=x-user-defined'
  );
  return {
    stop: function () {
      request.abort();
    },
  };
}

function low(character: string): string {
  return fromCode(character.charCodeAt(0) & 255);
}
