// A way to a server that can be shut: what goes through is cut, and what comes waits until it is open again.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

class Gate {
  #through = new Set();
  #waiting = [];
  #isShut = false;

  constructor(port) {
    this.port = port;
    this.server = createServer((socket) => (this.#isShut ? this.#waiting.push(socket) : this.#pass(socket)));
  }

  async listen() {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.origin = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  shut() {
    this.#isShut = true;
    for (const socket of this.#through) socket.destroy();
  }

  open() {
    this.#isShut = false;
    for (const socket of this.#waiting.splice(0)) this.#pass(socket);
  }

  stop() {
    this.shut();
    for (const socket of this.#waiting) socket.destroy();
    this.server.close();
  }

  #pass(near) {
    const far = connect(this.port, '127.0.0.1');
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#through.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#through.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

/** To `port` on this machine: `{ origin, shut(), open(), stop() }`. */
export const startGate = (port) => new Gate(port).listen();
