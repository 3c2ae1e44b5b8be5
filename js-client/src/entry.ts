/** What the page gets. */

import { NativeWebSocket, root } from './engine';
import { configure, readTag } from './options';
import { PolySocket } from './socket';

const api: any = PolySocket;

api.configure = configure;
/** The browser's own; none in engines without. */
api.WebSocket = NativeWebSocket;
/** From now on `WebSocket` is this. */
api.install = function () {
  root.WebSocket = PolySocket;
};

if (readTag()) api.install();

export default PolySocket;
