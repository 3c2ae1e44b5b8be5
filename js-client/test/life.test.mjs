// What pages do over time: they are hidden, put to sleep, woken, kept for the way back, and left.

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { makeEngine } from './support/engine.mjs';
import { startServer } from './support/server.mjs';
import { echo, follow } from './support/story.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

async function open(engine, transports) {
  const socket = new engine.PolySocket(server.echo, [], { transports });
  const story = follow(socket);
  await story.opened();
  return { socket, story };
}

test('a page that is left sends what it has, and a close, by a beacon', async () => {
  const engine = makeEngine(server.origin);
  const beacons = [];
  engine.global.navigator.sendBeacon = (url, body) => beacons.push([url, Buffer.from(body).toString('latin1')]);
  const { socket } = await open(engine, 'poll');
  engine.network.fault = () => 'hang';
  socket.send('last words');
  engine.global.dispatch('pagehide', { persisted: false });
  assert.equal(beacons.length, 1);
  const [url, body] = beacons[0];
  assert.match(url, /\/s\/[^?]+\?.*t=f&n=1/);
  assert.equal(body, '\x01\x0alast words\x04\x00');
  engine.close();
});

test('a page that is kept for the way back goes on', async () => {
  const engine = makeEngine(server.origin);
  const { socket, story } = await open(engine, 'poll');
  engine.global.dispatch('pagehide', { persisted: true });
  engine.network.breakAll('/j/');
  engine.global.dispatch('pageshow', { persisted: true });
  await echo(socket, story, 5);
  socket.close();
  assert.equal((await story.closed()).code, 1005);
  engine.close();
});

test('a page that wakes asks again at once, when what it had has been dead for a while', async () => {
  const engine = makeEngine(server.origin);
  const { socket, story } = await open(engine, 'poll');
  // From now on the poll that runs is dead, without anybody being told.
  for (const running of engine.network.running) running.mute = true;
  const polls = () => engine.network.requests.filter(({ url }) => url.includes('/j/')).length;
  const before = polls();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal(polls(), before);
  engine.global.dispatch('online');
  assert.equal(polls(), before + 1);
  await echo(socket, story, 3);
  socket.close();
  await story.closed();
  engine.close();
});

test('a hidden page asks for more time', async () => {
  const engine = makeEngine(server.origin);
  const { socket, story } = await open(engine, 'poll');
  engine.global.document.hidden = true;
  await echo(socket, story, 1);
  await engine.network.until((requests) => requests.some(({ url }) => url.includes('pause=120000')));
  socket.close();
  await story.closed();
  engine.close();
});

test('a socket that is closed leaves nothing behind: no request, no timer', async () => {
  for (const transports of ['websocket', 'relay', 'stream', 'sse', 'poll', 'jsonp']) {
    const engine = makeEngine(server.origin);
    const { socket, story } = await open(engine, transports);
    await echo(socket, story, 2);
    socket.close();
    await story.closed();
    await engine.quiet();
    assert.equal(engine.network.running.size, 0, transports);
    assert.equal(engine.listeners(), 0, transports);
    engine.close();
  }
});
