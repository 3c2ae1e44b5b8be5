// socket.io: its own handshake and heartbeat as text, binary attachments as messages behind it, and reconnection.

import { io } from 'socket.io-client';

const { target } = window.report.query;
const COUNT = 200;

const once = (socket, event) => new Promise((resolve) => socket.once(event, (...given) => resolve(given)));

async function converse() {
  const socket = io(target, { transports: ['websocket'], reconnectionDelay: 10, reconnectionDelayMax: 20 });
  await once(socket, 'connect');
  const greeting = await socket.emitWithAck('greet', 'döner € 😀');
  const binary = await socket.emitWithAck('binary', { name: 'both', first: new Uint8Array([1, 2, 255]), second: new ArrayBuffer(70_000) });

  const numbers = [];
  const all = new Promise((resolve) => {
    socket.on('number', (n) => numbers.push(n) === COUNT && resolve());
  });
  for (let n = 0; n < COUNT; n += 1) socket.emit('number', n);
  await all;

  const admin = io(`${target}/admin`, { transports: ['websocket'], auth: { token: 'wrong' }, forceNew: true });
  const [refused] = await once(admin, 'connect_error');
  admin.close();

  // The server cuts the connection; the library opens another by itself.
  const first = socket.io.engine.id;
  const gone = once(socket, 'disconnect');
  const back = once(socket, 'connect');
  socket.emit('cut me');
  const [reason] = await gone;
  await back;
  const again = await socket.emitWithAck('greet', 'again');

  const dismissed = once(socket, 'disconnect');
  socket.emit('dismiss me');
  const [last] = await dismissed;
  return {
    greeting,
    binary: { ...binary, first: [...new Uint8Array(binary.first)], second: binary.second.byteLength },
    inOrder: numbers.every((number, n) => number === n),
    count: numbers.length,
    refused: refused.message,
    reason,
    reconnected: socket.io.engine.id !== first,
    again,
    last,
  };
}

converse().then(window.report.done, (error) => window.report.failed(error.stack ?? String(error)));
