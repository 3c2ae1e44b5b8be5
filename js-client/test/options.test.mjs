// What can be set, and where: configure, the third argument, the script tag; routers and tokens.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { makeEngine } from './support/engine.mjs';
import { startServer } from './support/server.mjs';
import { echo, follow } from './support/story.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const creates = (engine) => engine.network.requests.filter(({ url }) => url.includes('/create'));
const sentWith = (request) => new URLSearchParams(request.method == 'POST' ? String(request.body) : new URL(request.url).search);

async function works(socket) {
  const story = follow(socket);
  await story.opened();
  await echo(socket, story, 3);
  socket.close();
  await story.closed();
}

describe('the script tag', () => {
  test('its address is the router, if nothing else is said', async () => {
    const engine = makeEngine(server.origin);
    await works(new engine.PolySocket(server.echo, [], { transports: 'poll' }));
    assert.equal(new URL(creates(engine)[0].url).origin, server.origin);
    engine.close();
  });

  test('data- attributes: router, token, transports, install', async () => {
    const attributes = { 'data-router': server.origin + '/', 'data-token': 'tag', 'data-transports': 'poll, jsonp' };
    for (const install of [false, true]) {
      const tag = { attributes: install ? { ...attributes, 'data-install': '' } : attributes };
      const engine = makeEngine('http://elsewhere.example', { tag });
      assert.equal(engine.run('WebSocket') === engine.PolySocket, install);
      const socket = new engine.PolySocket(server.echo);
      await works(socket);
      assert.equal(socket.transport, 'poll');
      assert.equal(sentWith(creates(engine)[0]).get('token'), 'tag');
      engine.close();
    }
  });

  test('a module has none: the page is the router, and another script is not asked for a token', async () => {
    const engine = makeEngine('http://elsewhere.example', { tag: { isModule: true, attributes: { 'data-token': 'not ours' } } });
    const socket = new engine.PolySocket(server.echo, [], { transports: 'poll' });
    while (!creates(engine)[0]) await new Promise(setImmediate);
    assert.equal(new URL(creates(engine)[0].url).origin, 'http://page.example');
    assert.equal(sentWith(creates(engine)[0]).get('token'), null);
    socket.close();
    engine.close();
  });

  test('is the last one in engines that do not tell which', async () => {
    const engine = makeEngine(server.origin, { age: true, websocket: false, xhr: false, sse: false });
    await works(new engine.PolySocket(server.echo));
    assert.equal(new URL(creates(engine)[0].url).origin, server.origin);
    engine.close();
  });
});

describe('a token function that throws', () => {
  test('closes what cannot go without, and is in nobody else\'s way', async () => {
    const engine = makeEngine(server.origin);
    const token = () => {
      throw new Error('of the page');
    };
    const story = follow(new engine.PolySocket(server.echo, [], { transports: 'poll', token }));
    assert.equal((await story.closed()).code, 1006);
    await works(new engine.PolySocket(server.echo, [], { token }));
    engine.close();
  });
});

describe('configure', () => {
  test('is for sockets made later; the third argument is for one', async () => {
    const engine = makeEngine(server.origin);
    engine.PolySocket.configure({ transports: ['sse', 'poll'] });
    const first = new engine.PolySocket(server.echo);
    const second = new engine.PolySocket(server.echo, undefined, { transports: 'jsonp' });
    const third = new engine.PolySocket(server.echo);
    await Promise.all([works(first), works(second), works(third)]);
    assert.deepEqual([first, second, third].map((socket) => socket.transport), ['sse', 'jsonp', 'sse']);
    engine.close();
  });

  test('names that mean nothing are passed over', async () => {
    const engine = makeEngine(server.origin);
    const socket = new engine.PolySocket(server.echo, [], { transports: 'telegraph poll' });
    await works(socket);
    assert.equal(socket.transport, 'poll');
    engine.close();
  });
});

describe('routers', () => {
  test('are tried in turn', async () => {
    const engine = makeEngine(server.origin);
    engine.PolySocket.configure({ router: ['http://127.0.0.1:9', server.origin], transports: 'poll' });
    await works(new engine.PolySocket(server.echo));
    const asked = creates(engine).map(({ url }) => new URL(url).port);
    assert.equal(asked[0], '9');
    assert.equal(asked.at(-1), new URL(server.origin).port);
    engine.close();
  });

  test('one that has no capacity is left for another, with the same nonce', async () => {
    const engine = makeEngine(server.origin);
    engine.network.fault = ({ url }) =>
      url.includes('first.localhost') ? { answer: { ok: false, error: 'no-capacity: full', code: 'no-capacity' } } : undefined;
    const first = server.origin.replace('127.0.0.1', 'first.localhost');
    engine.PolySocket.configure({ router: [first, server.origin], transports: 'poll' });
    await works(new engine.PolySocket(server.echo));
    const nonces = new Set(creates(engine).map((request) => sentWith(request).get('nonce')));
    assert.equal(nonces.size, 1);
    assert.match([...nonces][0], /^[\w-]{16,64}$/);
    engine.close();
  });

  test('what one refuses for good is not asked of another', async () => {
    const engine = makeEngine(server.origin);
    engine.network.fault = ({ url }) =>
      url.includes('/create') ? { answer: { ok: false, error: 'forbidden: no', code: 'forbidden' } } : undefined;
    engine.PolySocket.configure({ router: [server.origin, server.origin], transports: 'poll' });
    const story = follow(new engine.PolySocket(server.echo));
    assert.equal((await story.closed()).code, 1006);
    assert.equal(creates(engine).length, 1);
    engine.close();
  });
});

describe('tokens', () => {
  const TOKENS = {
    'a text': 'one',
    'a function that returns one': () => 'one',
    'a function that answers at once': (_, answer) => answer('one'),
    'a function that answers later': (_, answer) => void setTimeout(() => answer('one'), 5),
    'a function that promises one': () => Promise.resolve('one'),
    'a function that does both': (_, answer) => (answer('one'), Promise.resolve('two')),
  };
  for (const [name, token] of Object.entries(TOKENS))
    test(name, async () => {
      const engine = makeEngine(server.origin);
      await works(new engine.PolySocket(server.echo, [], { transports: 'poll', token }));
      assert.deepEqual(creates(engine).map((request) => sentWith(request).get('token')), ['one']);
      engine.close();
    });

  test('a function is told the target', async () => {
    const engine = makeEngine(server.origin);
    const targets = [];
    await works(new engine.PolySocket(server.echo, [], { transports: 'poll', token: (target) => (targets.push(target), 'one') }));
    assert.deepEqual(targets, [server.echo]);
    engine.close();
  });

  test('one that fails to come: 1006, and nobody is asked', async () => {
    const engine = makeEngine(server.origin);
    const story = follow(
      new engine.PolySocket(server.echo, [], { transports: 'poll', token: () => Promise.reject(new Error('no token today')) }),
    );
    assert.equal((await story.closed()).code, 1006);
    assert.equal(creates(engine).length, 0);
    engine.close();
  });
});
