/** `stream`: one long answer of frames, read while it comes. */

import { fromBuffer } from './bytes';
import { hasBuffers, root } from './engine';
import { frameReader } from './frames';
import { Link, Receiver } from './receive';

/** After so many bytes the next is opened: what is in between may keep all of an answer. */
const BUDGET_BYTES = 1048576;

/** By XHR an engine tells of a piece only 50 ms after the last; then the others are faster. */
export const canStream = hasBuffers && root.AbortController && root.ReadableStream;

export function stream(link: Link): Receiver {
  const read = frameReader(link);
  const control = new root.AbortController();
  /** After `end` this is not heard any more: it was truncated, or refused. */
  function failed() {
    link.failed();
  }
  root.fetch(link.url('x') + '&budget=' + BUDGET_BYTES, { signal: control.signal }).then(function (response: any) {
    if (!response.ok) return failed();
    const reader = response.body.getReader();
    function next(part?: any): void {
      if (part) {
        if (part.done) return failed();
        read(fromBuffer(part.value));
      }
      reader.read().then(next, failed);
    }
    next();
  }, failed);
  return function () {
    control.abort();
  };
}
