// What `ws` on Node finds when it talks to the echo server of these tests: node ws.mjs URL FOLDER, where the package
// is in FOLDER/node_modules. Prints `ok` when all is as it should be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const [, , url, folder] = process.argv;
const WebSocket = createRequire(`${folder}/`)('ws');

async function open() {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  return socket;
}

async function echo(socket, data, send = () => socket.send(data)) {
  const answer = once(socket, 'message');
  send();
  const [got, isBinary] = await answer;
  assert.equal(isBinary, typeof data !== 'string');
  assert.deepEqual(isBinary ? got : got.toString(), data);
}

const socket = await open();
// ws offers permessage-deflate; nobody agreed.
assert.equal(socket.extensions, '');
await echo(socket, 'hello');
await echo(socket, '');
await echo(socket, 'κόσμε 😀'.repeat(20000));
await echo(socket, Buffer.alloc(0));
await echo(socket, Buffer.alloc(1 << 20, 7));
await echo(socket, 'in fragments', () => {
  socket.send('in ', { fin: false });
  socket.ping('between');
  socket.send('frag', { fin: false });
  socket.send('ments', { fin: true });
});
const pong = once(socket, 'pong');
socket.ping('p');
assert.equal((await pong)[0].toString(), 'p');

const answers = [];
const all = new Promise((resolve) => {
  socket.on('message', (data) => {
    if (answers.push(Number(data.toString())) === 1000) resolve();
  });
});
for (let i = 0; i < 1000; i += 1) socket.send(String(i));
await all;
assert.deepEqual(answers, [...answers.keys()]);

let closed = once(socket, 'close');
socket.close(4001, 'client says so');
let [code, reason] = await closed;
assert.deepEqual([code, reason.toString()], [4001, 'client says so']);

const second = await open();
closed = once(second, 'close');
second.send('close 4002 server says so: ü');
[code, reason] = await closed;
assert.deepEqual([code, reason.toString()], [4002, 'server says so: ü']);

const third = await open();
closed = once(third, 'close');
third.close();
[code] = await closed;
assert.equal(code, 1005);

const fourth = await open();
closed = once(fourth, 'close');
fourth.send(Buffer.alloc((1 << 20) + 1));
[code, reason] = await closed;
assert.deepEqual([code, reason.toString()], [1009, 'the message is too long']);
console.log('ok');
