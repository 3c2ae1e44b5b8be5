// A plain HTTP server behind a middlebox, and clients before it.

import { Agent, createServer, request } from 'node:http';
import { EventEmitter, once } from 'node:events';
import { Middlebox } from '../middlebox.mjs';

const bodyOf = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

export class Rig {
  /** What reached the server, as `METHOD path body`. */
  seen = [];
  arrivals = new EventEmitter();

  /** `answer(request, response, body)` is the server's handler; it says back what it got by default. */
  static async start(modes, { answer, exempt } = {}) {
    const rig = new Rig();
    rig.server = createServer(async (incoming, response) => {
      const body = await bodyOf(incoming);
      rig.seen.push(`${incoming.method} ${incoming.url} ${body}`);
      if (answer) answer(incoming, response, body);
      else response.end(`got ${incoming.url} ${body}`);
      rig.arrivals.emit('arrival');
    });
    rig.server.on('upgrade', (incoming, socket) => {
      rig.seen.push(`UPGRADE ${incoming.url}`);
      rig.upgraded = socket;
      socket.on('error', () => {});
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSet-Cookie: s=1\r\n\r\n');
      socket.pipe(socket);
    });
    rig.server.listen(0, '127.0.0.1');
    await once(rig.server, 'listening');
    rig.box = new Middlebox({ modes, exempt });
    rig.port = await rig.box.front({ host: '127.0.0.1', port: rig.server.address().port });
    rig.agent = new Agent({ keepAlive: true });
    return rig;
  }

  count(name) {
    return this.box.counts.get(name);
  }

  /** Resolves with status, headers and body; rejects when the answer broke off. */
  async ask(method, path, { body, headers, agent = this.agent } = {}) {
    const outgoing = request({ port: this.port, host: '127.0.0.1', method, path, headers, agent });
    outgoing.end(body);
    const [response] = await once(outgoing, 'response');
    return { status: response.statusCode, headers: response.headers, body: await bodyOf(response) };
  }

  /** Resolves with the open socket, or with the answer's status where it is refused. */
  async upgrade(path = '/', headers = {}) {
    const outgoing = request({
      port: this.port,
      host: '127.0.0.1',
      path,
      headers: { Connection: 'Upgrade', Upgrade: 'echo', ...headers },
    });
    outgoing.end();
    return new Promise((resolve, reject) => {
      outgoing.once('upgrade', (_response, socket) => resolve(socket));
      outgoing.once('response', (response) => resolve(response.resume().statusCode));
      outgoing.once('error', reject);
    });
  }

  /** Resolves when the server's handler has had so many requests. */
  async reached(requests) {
    while (this.seen.length < requests) await once(this.arrivals, 'arrival');
  }

  async stop() {
    this.agent.destroy();
    await this.box.close();
    this.upgraded?.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Runs a test with a rig, and stops it whatever happens. */
export async function withRig(modes, options, run) {
  const rig = await Rig.start(modes, options);
  try {
    await run(rig);
  } finally {
    await rig.stop();
  }
}
