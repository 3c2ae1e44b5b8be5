// The target of these tests, on npm `ws`: sends its messages while it takes those of the page, checks each of them by its
// number, and keeps the story of every connection.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import './page/messages.js';

const { messages } = globalThis;
/** Messages per burst; with `spread` the bursts are spread over that time, else they follow each other. */
const BURST = 25;
/** Bytes in the socket above which the next burst waits. */
const BUFFERED_MAX = 256 * 1024;

class TwoWay {
  /** id of a page's socket → its connections, in order: `{ received, wrong, close }`. */
  stories = new Map();
  #changed = new Set();

  constructor(server) {
    this.server = server;
    this.port = server.address().port;
    this.ws = new WebSocketServer({ server });
    this.ws.on('connection', (socket, request) => this.#serve(socket, new URL(request.url, 'ws://target')));
  }

  /** All connections for a page's socket. */
  of(id) {
    return this.stories.get(id) ?? [];
  }

  /** Resolves when `test()` is true; asked whenever a connection opens or closes. */
  async until(test, ms, what) {
    const late = AbortSignal.timeout(ms);
    while (!test()) {
      await new Promise((resolve, reject) => {
        this.#changed.add(resolve);
        late.addEventListener('abort', () => reject(new Error(`the target waited ${ms} ms in vain for ${what}`)));
      });
    }
  }

  #tell() {
    for (const resolve of this.#changed) resolve();
    this.#changed.clear();
  }

  /**
   * `count` messages each way; the target begins when the first has come. `closes=target` has it close with 4002 when
   * both sides have all.
   */
  #serve(socket, url) {
    const id = url.searchParams.get('id');
    const count = Number(url.searchParams.get('count'));
    const story = { received: 0, wrong: null, close: null };
    this.stories.set(id, [...this.of(id), story]);
    let sent = 0;
    const send = async () => {
      const spread = Number(url.searchParams.get('spread') ?? 0);
      while (sent < count && socket.readyState === socket.OPEN) {
        for (const end = Math.min(sent + BURST, count); sent < end; sent += 1) socket.send(messages.make('down', sent));
        await wait((spread * BURST) / count + 1);
        while (socket.bufferedAmount > BUFFERED_MAX && socket.readyState === socket.OPEN) await wait(5);
      }
      perhapsClose();
    };
    const perhapsClose = () => {
      const all = sent === count && story.received === count;
      if (all && url.searchParams.get('closes') === 'target') socket.close(4002, 'the target has all: €');
    };
    socket.on('message', (data, isBinary) => {
      if (story.received === 0) send();
      const number = story.received;
      story.received += 1;
      story.wrong ??= messages.wrong('up', number, isBinary ? data : data.toString());
      perhapsClose();
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      story.close = { code, reason: reason.toString() };
      this.#tell();
    });
    this.#tell();
  }

  async stop() {
    for (const socket of this.ws.clients) socket.terminate();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

export async function startTwoWay() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new TwoWay(server);
}
