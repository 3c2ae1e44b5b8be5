// `relay`, over a WebSocket that the test is.

import assert from 'node:assert/strict';
import test from 'node:test';
import { loadModules } from './support/modules.mjs';

const sockets = [];
class WebSocket {
  sent = [];
  constructor() {
    sockets.push(this);
  }
  send(data) {
    this.sent.push(Buffer.from(data).toString('latin1'));
  }
  close() {}
}
const { core, frames, relay } = await loadModules(['core', 'frames', 'relay'], { WebSocket });
const start = (number) => frames.frame(frames.START, frames.leb(number));

test('what an earlier request had brought is passed over, also when that was more than the window', () => {
  const made = core.makeCore({ drained() {} });
  for (let n = 1; n <= 20; n += 1) made.send(frames.TEXT, `${n}`);
  const receiver = relay.relay({ core: made, window: 8, url: () => 'ws://relay', acked: (number) => made.acked(number), heard() {} });
  const [socket] = sockets;
  const text = (n) => frames.frame(frames.TEXT, `${n}`);
  socket.onopen();
  assert.deepEqual(socket.sent.splice(0), [start(1) + [1, 2, 3, 4, 5, 6, 7, 8].map(text).join('')]);
  socket.onmessage({ data: new Uint8Array(Buffer.from(frames.frame(frames.ACK, frames.leb(18)), 'latin1')).buffer });
  assert.deepEqual(socket.sent.splice(0), [start(19) + text(19) + text(20)]);
  made.send(frames.TEXT, '21');
  receiver.pump();
  assert.deepEqual(socket.sent.splice(0), [text(21)]);
});
