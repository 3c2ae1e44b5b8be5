// A connection after its upgrade: bytes both ways, until a mode says otherwise.

import { write } from './http1.mjs';

export class Tunnel {
  constructor(client, server) {
    this.client = client;
    this.server = server;
  }

  /** Carries bytes both ways; resolves when either side has ended. */
  async carry() {
    await Promise.race([
      pump(this.client.reader, this.server.socket),
      pump(this.server.reader, this.client.socket),
    ]);
  }

  /** Swallows what the client says, and resolves when it has gone. */
  async swallow() {
    while ((await this.client.reader.some()) !== null);
  }

  cut() {
    this.client.socket.resetAndDestroy();
    this.server.socket.resetAndDestroy();
  }
}

async function pump(reader, socket) {
  for (let bytes = await reader.some(); bytes !== null; bytes = await reader.some()) {
    if (!(await write(socket, bytes))) return;
  }
  socket.end();
}
