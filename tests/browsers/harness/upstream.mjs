// A WebSocket server written by others (npm `ws`) as the target: what it does is chosen by the path.

import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { PATHS, REFUSALS } from './upstream-paths.mjs';

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const LOG_MAX = 20_000;
/** Messages that `/watched` remembers of a connection. */
const WATCHED_MAX = 1_000;

class Upstream {
  /** What happened, as `{ path, event, … }` with `event` one of `handshake`, `open`, `message`, `close`. */
  log = [];
  /** Handshakes seen, refused ones included. */
  connections = 0;
  /** How connections on `/watched?id=…` were closed, and what had come on them: texts, or `N bytes`. */
  closes = new Map();
  #sockets = new Set();
  #watchers = new Set();

  constructor({ compress }) {
    this.http = createServer((_request, response) => response.writeHead(426).end());
    this.http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    this.ws = new WebSocketServer({
      noServer: true,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: compress,
      handleProtocols: (offered, request) => chosenProtocol([...offered], new URL(request.url, 'ws://here')),
    });
    this.ws.on('headers', (headers, request) => {
      const forced = new URL(request.url, 'ws://here').searchParams.get('force');
      if (forced !== null) headers.push(`Sec-WebSocket-Protocol: ${forced}`);
    });
    this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen() {
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
    this.port = this.http.address().port;
    return this;
  }

  url(path = '/echo', host = '127.0.0.1') {
    return `ws://${host}:${this.port}${path}`;
  }

  /** Connections that are open now. */
  get open() {
    return this.ws.clients.size;
  }

  count(path, event) {
    return this.log.filter((each) => each.path === path && each.event === event).length;
  }

  note(entry) {
    if (this.log.push(entry) > LOG_MAX) this.log.shift();
    for (const watch of this.#watchers) watch();
  }

  /** Waits until `test(upstream)` is true; asked after everything that happens here. */
  until(test, timeout = 10_000) {
    return new Promise((resolve, reject) => {
      const watch = () => {
        const found = test(this);
        if (!found) return;
        clearTimeout(timer);
        this.#watchers.delete(watch);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(watch);
        const last = this.log.slice(-20).map((each) => JSON.stringify(each)).join('\n');
        reject(new Error(`the upstream waited ${timeout} ms in vain; it saw last:\n${last}`));
      }, timeout);
      this.#watchers.add(watch);
      watch();
    });
  }

  #upgrade(request, socket, head) {
    const url = new URL(request.url, 'ws://here');
    const path = url.pathname;
    this.connections += 1;
    this.note({ path, event: 'handshake', origin: request.headers.origin });
    if (REFUSALS[path]) return REFUSALS[path](socket, url);
    if (!PATHS[path]) return REFUSALS['/refuse'](socket, new URL('ws://here/?status=404'));
    this.ws.handleUpgrade(request, socket, head, (connection) => {
      this.note({ path, event: 'open', protocol: connection.protocol });
      const received = [];
      connection.on('message', (data, binary) => {
        this.note({ path, event: 'message', bytes: data.length, binary });
        if (path === '/watched' && received.length < WATCHED_MAX) received.push(binary ? `${data.length} bytes` : String(data));
      });
      connection.on('close', (code, reason) => {
        if (path === '/watched') this.closes.set(url.searchParams.get('id'), { code, reason: String(reason), received });
        this.note({ path, event: 'close', code, reason: String(reason) });
      });
      // A client that breaks the protocol ends its own connection only.
      connection.on('error', (error) => this.note({ path, event: 'error', error: String(error) }));
      PATHS[path](connection, { url, request, upstream: this });
    });
  }

  /** Resets every connection. */
  killAll() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop() {
    this.killAll();
    this.ws.close();
    this.http.close();
    await once(this.http, 'close');
  }
}

const KNOWN_PROTOCOLS = ['chat', 'superchat'];

function chosenProtocol(offered, url) {
  if (url.pathname !== '/protocol') return offered.find((name) => KNOWN_PROTOCOLS.includes(name)) ?? false;
  return url.searchParams.get('pick') ?? false;
}

/** `compress`: offers permessage-deflate, which browsers take and the relay declines. */
export async function startUpstream({ compress = false } = {}) {
  return new Upstream({ compress }).listen();
}

/** The URL of a port where nobody listens. */
export async function deadUrl() {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `ws://127.0.0.1:${port}/`;
}
