// The middlebox: a proxy for HTTP/1.1 and WebSockets that does to its traffic what its modes say, and counts it.

import { createServer } from 'node:net';
import { Exchange } from './exchange.mjs';
import { framingOfRequest, Reader } from './http1.mjs';
import { ServerConnection } from './server-connection.mjs';
import { Tunnel } from './tunnel.mjs';

/** How long an answer that nobody waits for may take: more than the longest poll. */
const ASIDE_MS = 60_000;

/** What happened, by name, so that a test can tell whether its fault took place. */
export class Counts {
  #counts = new Map();

  add(name, by = 1) {
    this.#counts.set(name, this.get(name) + by);
  }

  max(name, value) {
    this.#counts.set(name, Math.max(this.get(name), value));
  }

  get(name) {
    return this.#counts.get(name) ?? 0;
  }

  toJSON() {
    return Object.fromEntries([...this.#counts].sort());
  }
}

/** The hooks of the modes, one around the other: the first mode is the outermost. */
function layered(modes, hook, core) {
  return modes.reduceRight(
    (next, mode) => (mode[hook] ? (subject) => mode[hook](subject, () => next(subject)) : next),
    core,
  );
}

export class Middlebox {
  #servers = [];
  #sockets = new Set();
  #aside = new Set();

  /**
   * `modes` are what `modes/` makes. `exempt` tells by the head of a request who is left alone: the relay's own way
   * to a target does not lead through the middlebox, though it uses the same address as the browser.
   */
  constructor({ modes = [], exempt = () => false, counts = new Counts(), trace = () => {} } = {}) {
    this.counts = counts;
    this.exempt = exempt;
    this.trace = trace;
    const all = modes.map((mode) => bound(mode, this));
    this.modified = this.#hooks(all);
    this.plain = this.#hooks([]);
  }

  #hooks(modes) {
    const tunnel = layered(modes, 'tunnel', (through) => through.carry());
    return {
      request: layered(modes, 'request', async (exchange) => exchange.pass(await exchange.deliver())),
      upgrade: layered(modes, 'upgrade', (exchange) => this.#upgrade(exchange, tunnel)),
    };
  }

  /** Listens on a free port in front of this server (`{ host, port }`) and tells the port. */
  async front(server, host = '127.0.0.1') {
    const listener = createServer({ noDelay: true }, (socket) => this.#serve(socket, server));
    await new Promise((resolve, reject) => listener.once('error', reject).listen(0, host, resolve));
    this.#servers.push(listener);
    return listener.address().port;
  }

  /** Lets go of everything. */
  async close() {
    for (const socket of this.#sockets) socket.destroy();
    for (const connection of this.#aside) connection.end();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /**
   * Delivers the request once more, on a connection that does not end with the exchange; the answer is for nobody.
   * Resolves when it was sent.
   */
  async deliverAside(exchange) {
    const connection = new ServerConnection(exchange.server);
    const timer = setTimeout(() => connection.end(), ASIDE_MS);
    this.#aside.add(connection);
    const over = () => {
      clearTimeout(timer);
      this.#aside.delete(connection);
      connection.end();
    };
    await connection.send(exchange.bytes);
    connection.answer(exchange.head.method).then((answer) => answer.hold()).then(over, over);
  }

  async #serve(socket, server) {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const reader = new Reader(socket);
    let kept;
    try {
      for (let head = await reader.head(); head !== null; head = await reader.head()) {
        const body = [];
        for await (const piece of reader.body(framingOfRequest(head))) body.push(piece);
        const exchange = new Exchange({ head, body: Buffer.concat(body), client: { socket, reader }, server, kept });
        await this.#run(exchange);
        kept = exchange.kept;
        if (!exchange.reusable) break;
      }
    } catch (error) {
      // A peer that is gone is the daily bread of a proxy; the trace is there for those who look for more.
      this.trace(`connection ended: ${error.message}`);
      this.counts.add('broken off');
    }
    kept?.end();
    socket.end();
  }

  async #run(exchange) {
    const hooks = this.exempt(exchange.head) ? this.plain : this.modified;
    const upgrade = exchange.head.has('connection', 'upgrade');
    this.counts.add(upgrade ? 'upgrades' : 'requests');
    this.trace(exchange.head.line);
    const clientGone = () => exchange.release();
    exchange.client.socket.once('close', clientGone);
    try {
      await hooks[upgrade ? 'upgrade' : 'request'](exchange);
    } finally {
      exchange.client.socket.off('close', clientGone);
      exchange.release();
    }
  }

  async #upgrade(exchange, through) {
    const answer = await exchange.deliver();
    if (answer.head.status !== 101) {
      await exchange.pass(answer);
      return;
    }
    await exchange.write(answer.head.encode());
    this.counts.add('tunnels');
    await through(new Tunnel(exchange.client, answer.connection));
  }
}

/** A mode's hooks with the middlebox as their last argument: its `counts` and `deliverAside`. */
function bound(mode, box) {
  const hooks = Object.keys(mode).filter((name) => typeof mode[name] === 'function');
  return Object.fromEntries(hooks.map((name) => [name, (subject, next) => mode[name](subject, next, box)]));
}
