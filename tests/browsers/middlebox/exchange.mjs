// One request on its way to the server, and its answer on the way back. Modes steer it; without one it is passed on.

import { once } from 'node:events';
import { write } from './http1.mjs';
import { ServerConnection } from './server-connection.mjs';

export class Exchange {
  #edits = [];
  #connections = new Set();

  /** `client` has a `socket` and its `reader`; `kept` is the connection to the server of the request before, if any. */
  constructor({ head, body, client, server, kept }) {
    this.head = head;
    this.body = body;
    this.client = client;
    this.server = server;
    this.kept = kept;
    /** Whether the client's connection has carried a request before. */
    this.reused = kept !== undefined;
    /** Whether the client's connection may carry a further request. */
    this.reusable = false;
  }

  get host() {
    return this.head.get('host') ?? '';
  }

  get bytes() {
    return Buffer.concat([this.head.encode(), this.body]);
  }

  /** Changes the head of whatever answer comes. */
  editAnswer(edit) {
    this.#edits.push(edit);
  }

  /** Delivers the request to the server, each time on a connection of its own; resolves with the answer's head. */
  async deliver() {
    const connection = this.kept?.usable ? this.kept : new ServerConnection(this.server);
    this.kept = undefined;
    this.#connections.add(connection);
    await connection.send(this.bytes);
    const answer = await connection.answer(this.head.method);
    for (const edit of this.#edits) edit(answer.head);
    return answer;
  }

  /** Passes an answer on as it comes. */
  async pass(answer) {
    for await (const piece of answer.wire()) if (!(await this.write(piece))) return;
    this.reusable = answer.framing.kind !== 'close' && answer.head.keepsAlive && this.head.keepsAlive;
    if (this.reusable) {
      this.kept = answer.connection;
      this.#connections.delete(answer.connection);
    }
  }

  /** Answers in place of the server. */
  async reply(status, reason) {
    await this.write(Buffer.from(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\n\r\n`));
    this.reusable = this.head.keepsAlive;
  }

  /** Writes raw bytes to the client; false when it has gone. */
  write(bytes) {
    return write(this.client.socket, bytes);
  }

  /** Ends the client's connection: in order, or by a reset, which may also lose what is still on the way. */
  cut({ byReset }) {
    this.reusable = false;
    if (byReset) this.client.socket.resetAndDestroy();
    else this.client.socket.end();
  }

  async clientGone() {
    if (!this.client.socket.destroyed) await once(this.client.socket, 'close');
  }

  /** Lets go of the server, as it must see when the client has gone. */
  release() {
    for (const connection of this.#connections) connection.end();
  }
}
