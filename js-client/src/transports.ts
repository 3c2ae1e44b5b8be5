/** The policy: all ways a session can be carried, the better before the worse. */

import { NativeWebSocket, hasBuffers, page, position, root } from './engine';
import { poll } from './poll';
import { Transport } from './receive';
import { relay } from './relay';
import { scriptCall } from './script';
import { sse } from './sse';
import { canStream, stream } from './stream';
import { canCall, xhrCall } from './xhr';

/** The browser's own, straight to the target. It stands before all others, and is no business of a session. */
export const NATIVE = 'websocket';

/** All there are, in order. */
export const NAMES = NATIVE + ' relay stream sse poll jsonp';

/** How long the first bytes of a stream may take at least. */
const STREAM_MS = 3000;

/** Those that know no credentials reach their own origin only. */
const canEvents = root.EventSource && 'withCredentials' in root.EventSource.prototype;

/** Those this engine has. */
export const transports: { [name: string]: Transport | false } = {
  relay: NativeWebSocket && hasBuffers && root.JSON && { receive: relay, patience: 300 },
  stream: canCall && canStream && { receive: stream, call: xhrCall, patience: STREAM_MS },
  sse: canCall && canEvents && { receive: sse, call: xhrCall, patience: STREAM_MS },
  poll: canCall && { receive: poll, call: xhrCall },
  jsonp: page && { receive: poll, call: scriptCall },
};

/** Those of `names` that can carry a session in this engine, in that order, without those of `skip`. */
export function carriers(names: string[], skip: string[]): string[] {
  const list = [];
  for (let i = 0; i < names.length; i++)
    if (transports[names[i]] && position(skip, names[i]) < 0) list.push(names[i]);
  return list;
}
