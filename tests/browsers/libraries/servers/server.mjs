// What the servers have in common: a port, a WebSocket server of npm `ws`, who came, and an end.

import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/**
 * `serve(sockets, seen, http)` makes it a library's. Gives an emitter with `url`, `handshakes` (headers), `stop()`.
 * `serve` may return what else is to be closed at the end.
 */
export async function startServer(options, serve) {
  const seen = new EventEmitter();
  const http = createServer((_request, response) => response.writeHead(426).end());
  seen.handshakes = [];
  http.on('upgrade', (request) => seen.handshakes.push(request.headers));
  const sockets = options && new WebSocketServer({ server: http, ...options });
  const close = serve(sockets, seen, http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  seen.url = `ws://127.0.0.1:${http.address().port}`;
  seen.stop = async () => {
    await close?.();
    for (const socket of sockets?.clients ?? []) socket.terminate();
    sockets?.close();
    http.closeAllConnections();
    if (!http.listening) return;
    http.close();
    await once(http, 'close');
  };
  return seen;
}
