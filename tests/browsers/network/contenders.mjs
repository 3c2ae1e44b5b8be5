// The other ways to a connection that opens everywhere, with servers of their own behind the same middlebox.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Server as EngineServer } from 'engine.io';

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

export async function startSockjs() {
  const service = sockjs.createServer({ log: () => {} });
  const server = createServer();
  service.installHandlers(server, { prefix: '/sockjs' });
  return new Contender(await listening(server), () => {});
}

export async function startEngine() {
  const service = new EngineServer({ cors: { origin: true } });
  const server = createServer((_request, response) => response.writeHead(404).end());
  service.attach(server);
  return new Contender(await listening(server), () => service.close());
}
