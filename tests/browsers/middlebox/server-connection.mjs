// The side of the server: its connection, and its answers as they come in.

import { connect } from 'node:net';
import { framingOfAnswer, Reader, write } from './http1.mjs';

export class ServerConnection {
  constructor({ host, port }) {
    this.socket = connect({ host, port, noDelay: true });
    // What goes wrong is found by the reader, as the end of the stream.
    this.socket.on('error', () => {});
    this.reader = new Reader(this.socket);
  }

  get usable() {
    return !this.reader.ended && !this.socket.destroyed;
  }

  send(bytes) {
    return write(this.socket, bytes);
  }

  /** The answer to what was sent; `method` tells whether it has a body. */
  async answer(method) {
    const head = await this.reader.head();
    if (head === null) throw new Error('the server ended without an answer');
    return new Answer(this, head, framingOfAnswer(head, method));
  }

  end() {
    this.socket.destroy();
  }
}

/** An answer whose head is here, and whose body may still be coming. */
class Answer {
  #held;

  constructor(connection, head, framing) {
    this.connection = connection;
    this.head = head;
    this.framing = framing;
  }

  /** Its length is not known beforehand: a stream, as far as a proxy can tell. */
  get isStream() {
    return this.framing.kind !== 'exact';
  }

  /** Takes all of it from the server, to be passed on later or never. */
  async hold() {
    this.#held = [];
    for await (const piece of this.connection.reader.body(this.framing)) this.#held.push(piece);
  }

  /** It as on the wire: the head first, then the body as it comes, or as it was held. */
  async *wire() {
    yield this.head.encode();
    yield* this.#held ?? this.connection.reader.body(this.framing);
  }

  /** The length on the wire of one that is no stream. */
  get wireLength() {
    return this.head.encode().length + this.framing.length;
  }
}
