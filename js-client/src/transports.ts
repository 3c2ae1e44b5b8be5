/** The policy: all ways a session can be carried, the better before the worse. */

import { NativeWebSocket, hasBuffers, position, root } from './engine';
import { pollBy } from './poll';
import { Transport } from './receive';
import { relay } from './relay';
import { canScript, scriptCall } from './script';
import { sse } from './sse';
import { stream } from './stream';
import { canCall, canStream, xhrCall } from './xhr';

/** The browser's own, straight to the target. It stands before all others, and is no business of a session. */
export const NATIVE = 'websocket';

/** All there are, in order. */
export const NAMES = NATIVE + ' relay stream sse poll jsonp';

/** Those this engine has. */
export const transports: { [name: string]: Transport | false } = {
  relay: NativeWebSocket && hasBuffers && root.JSON && { receive: relay },
  stream: canStream && { receive: stream, call: xhrCall },
  sse: canCall && root.EventSource && { receive: sse, call: xhrCall },
  poll: canCall && { receive: pollBy(xhrCall), call: xhrCall, polls: true },
  jsonp: canScript && { receive: pollBy(scriptCall), call: scriptCall, polls: true },
};

/** Those of `names` that can carry a session in this engine, in that order, without those of `skip`. */
export function carriers(names: string[], skip: string[]): string[] {
  const list = [];
  for (let i = 0; i < names.length; i++)
    if (transports[names[i]] && position(skip, names[i]) < 0) list.push(names[i]);
  return list;
}
