// HTTP/1.1 as bytes: heads that are kept as they came, and where bodies end. Strict enough for a test proxy between
// a browser and a real server; nothing is normalised, so that a mode changes only what it says it changes.

import { once } from 'node:events';

/** A longer head is refused. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** A longer chunk-size line is refused. */
const LINE_BYTES_MAX = 1024;

/** A request or answer line with its fields, in order. */
export class Head {
  constructor(line, fields) {
    this.line = line;
    this.fields = fields;
  }

  static parse(bytes) {
    const [line, ...rest] = bytes.toString('latin1').trimEnd().split('\r\n');
    const fields = rest.map((text) => {
      const colon = text.indexOf(':');
      if (colon < 1) throw new Error(`not a header field: ${text}`);
      return [text.slice(0, colon), text.slice(colon + 1).trim()];
    });
    return new Head(line, fields);
  }

  encode() {
    const lines = [this.line, ...this.fields.map(([name, value]) => `${name}: ${value}`)];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  }

  /** The first field of this name. */
  get(name) {
    return this.fields.find(([other]) => other.toLowerCase() === name)?.[1];
  }

  /** Takes out the fields whose lower-case name matches; returns how many. */
  remove(matches) {
    const before = this.fields.length;
    this.fields = this.fields.filter(([name]) => !matches(name.toLowerCase()));
    return before - this.fields.length;
  }

  has(name, token) {
    const value = this.get(name) ?? '';
    return value.split(',').some((part) => part.trim().toLowerCase() === token);
  }

  get method() {
    return this.line.split(' ', 1)[0];
  }

  get path() {
    return this.line.split(' ')[1];
  }

  get status() {
    return Number(this.line.split(' ')[1]);
  }

  get keepsAlive() {
    return /HTTP\/1\.1/.test(this.line) && !this.has('connection', 'close');
  }
}

/** Bytes of a socket, taken as they are needed. What is not taken is not read: the sender waits. */
export class Reader {
  #wake;

  constructor(socket) {
    this.socket = socket;
    this.kept = Buffer.alloc(0);
    this.ended = false;
    socket.on('readable', () => {
      // An end is told only to those who read; nobody may be reading while an answer is awaited.
      if (!this.#wake && socket.readableLength === 0) socket.read();
      this.#wake?.();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.once(event, () => {
        this.ended = true;
        this.#wake?.();
      });
    }
  }

  /** Any bytes, or null at the end. */
  async some() {
    if (this.kept.length > 0) {
      const kept = this.kept;
      this.kept = Buffer.alloc(0);
      return kept;
    }
    for (;;) {
      const bytes = this.socket.read();
      if (bytes !== null) return bytes;
      if (this.ended || this.socket.destroyed) return null;
      await new Promise((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  async #until(mark, max) {
    let bytes = Buffer.alloc(0);
    for (;;) {
      const at = bytes.indexOf(mark);
      if (at >= 0) {
        this.kept = bytes.subarray(at + mark.length);
        return bytes.subarray(0, at + mark.length);
      }
      if (bytes.length > max) throw new Error(`no end of line or head within ${max} bytes`);
      const more = await this.some();
      if (more === null) {
        if (bytes.length === 0) return null;
        throw new Error('the peer ended within a line or a head');
      }
      bytes = Buffer.concat([bytes, more]);
    }
  }

  /** A head, or null when the peer has ended. */
  async head() {
    const bytes = await this.#until('\r\n\r\n', HEAD_BYTES_MAX);
    return bytes === null ? null : Head.parse(bytes);
  }

  async #piece(left) {
    const bytes = await this.some();
    if (bytes === null) throw new Error('the peer ended within a body');
    this.kept = bytes.subarray(left);
    return bytes.subarray(0, left);
  }

  async #whole(length) {
    const pieces = [];
    for (let left = length; left > 0; left -= pieces.at(-1).length) pieces.push(await this.#piece(left));
    return Buffer.concat(pieces);
  }

  /** A body as it is on the wire, piece by piece; of a chunked one, chunk by chunk. */
  async *body(framing) {
    if (framing.kind === 'exact') {
      for (let left = framing.length; left > 0; ) {
        const piece = await this.#piece(left);
        left -= piece.length;
        yield piece;
      }
    } else if (framing.kind === 'chunked') {
      for (;;) {
        const line = await this.#until('\r\n', LINE_BYTES_MAX);
        if (line === null) throw new Error('the peer ended within a body');
        const length = Number.parseInt(line.toString('latin1'), 16);
        if (Number.isNaN(length)) throw new Error(`not the length of a chunk: ${line}`);
        yield Buffer.concat([line, await this.#whole(length + 2)]);
        if (length === 0) return;
      }
    } else {
      for (let piece = await this.some(); piece !== null; piece = await this.some()) yield piece;
    }
  }
}

function framing(head, otherwise) {
  if (head.has('transfer-encoding', 'chunked')) return { kind: 'chunked' };
  const length = head.get('content-length');
  return length === undefined ? otherwise : { kind: 'exact', length: Number(length) };
}

const NOTHING = { kind: 'exact', length: 0 };

/** Where the body of a request ends. */
export const framingOfRequest = (head) => framing(head, NOTHING);

/** Where the body of an answer ends. */
export function framingOfAnswer(head, method) {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return NOTHING;
  return framing(head, { kind: 'close' });
}

/** Writes, and waits while the peer does not take it. False when the socket is gone. */
export async function write(socket, bytes) {
  if (socket.destroyed || !socket.writable) return false;
  if (!socket.write(bytes)) {
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
  }
  return !socket.destroyed;
}
