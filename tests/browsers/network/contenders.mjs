// The other ways to a connection that opens everywhere, with servers of their own behind the same middlebox.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Server as EngineServer } from 'engine.io';
import { WebSocketServer } from 'ws';

const require = createRequire(import.meta.url);
// SockJS is CommonJS and has no named exports.
const sockjs = require('sockjs');

/** The clients' own browser builds, as pages for `startPages`. */
export async function clientScripts() {
  const script = async (name) => ({ body: await readFile(require.resolve(name)), type: 'application/javascript' });
  return {
    '/sockjs.js': await script('sockjs-client/dist/sockjs.min.js'),
    '/engine.io.js': await script('engine.io-client/dist/engine.io.min.js'),
  };
}

class Contender {
  constructor(server, close) {
    this.server = server;
    this.close = close;
    this.port = server.address().port;
  }

  async stop() {
    this.close();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const ignore = () => {};

/** `serve` gets every connection as `{ send, onText, onClose }`. */
export async function startSockjs(serve = ignore) {
  const service = sockjs.createServer({ log: () => {} });
  service.on('connection', (connection) =>
    serve({
      send: (text) => connection.write(text),
      onText: (hear) => connection.on('data', hear),
      onClose: (hear) => connection.on('close', hear),
    }),
  );
  const server = createServer();
  service.installHandlers(server, { prefix: '/sockjs' });
  return new Contender(await listening(server), () => {});
}

export async function startEngine(serve = ignore) {
  const service = new EngineServer({ cors: { origin: true } });
  service.on('connection', (socket) =>
    serve({
      send: (text) => socket.send(text),
      onText: (hear) => socket.on('message', hear),
      onClose: (hear) => socket.on('close', hear),
    }),
  );
  const server = createServer((_request, response) => response.writeHead(404).end());
  service.attach(server);
  return new Contender(await listening(server), () => service.close());
}

/** A plain WebSocket server, as Polysocket's target. */
export async function startPlain(serve) {
  const server = createServer();
  const service = new WebSocketServer({ server });
  service.on('connection', (socket) => {
    socket.on('error', () => {});
    serve({
      send: (text) => socket.readyState === socket.OPEN && socket.send(text),
      onText: (hear) => socket.on('message', (data) => hear(data.toString())),
      onClose: (hear) => socket.on('close', hear),
    });
  });
  const close = () => {
    for (const socket of service.clients) socket.terminate();
  };
  return new Contender(await listening(server), close);
}
