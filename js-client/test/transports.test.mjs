// Every transport end to end, in every kind of engine that has it; changing it in mid-session; and faults of the network.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { makeEngine } from './support/engine.mjs';
import { startServer } from './support/server.mjs';
import { echo, follow } from './support/story.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const ENGINES = {
  window: {},
  worker: { document: false },
  'without fetch': { fetch: false },
  'without buffers, XHR and all': { age: true, websocket: false, xhr: false, sse: false },
};

const WHERE = {
  websocket: ['window', 'worker', 'without fetch'],
  relay: ['window', 'worker'],
  stream: ['window', 'worker'],
  sse: ['window', 'worker', 'without fetch'],
  poll: ['window', 'worker'],
  jsonp: ['window', 'without buffers, XHR and all'],
};

/** Opens, sends, hears all back in order, and closes cleanly. */
async function exchange(engine, transports, { count = 60, url = server.echo, options = {} } = {}) {
  const socket = new engine.PolySocket(url, [], { transports, router: server.origin, ...options });
  const story = follow(socket);
  await story.opened();
  const sent = await echo(socket, story, count);
  assert.deepEqual(story.data(), sent);
  socket.close(3001, 'done');
  const closed = await story.closed();
  assert.deepEqual([closed.code, closed.reason, closed.wasClean], [3001, 'done', true]);
  assert.ok(!story.types().includes('error'));
  return { socket, story };
}

for (const [transport, engines] of Object.entries(WHERE))
  describe(transport, () => {
    for (const name of engines)
      test(`in an engine: ${name}`, async () => {
        const engine = makeEngine(server.origin, ENGINES[name]);
        const { socket } = await exchange(engine, transport);
        assert.equal(socket.transport, transport);
        assert.equal(socket.reason, transport == 'websocket' ? '' : 'chosen');
        engine.close();
      });

    test('messages longer than anything on the way takes at once', async () => {
      const engine = makeEngine(server.origin);
      const socket = new engine.PolySocket(server.echo, [], { transports: transport });
      const story = follow(socket);
      await story.opened();
      const long = 'long €\u{1F600} '.repeat(transport == 'jsonp' ? 3000 : 20_000);
      socket.send(long);
      socket.send('short');
      await story.messages(2);
      assert.deepEqual(story.data(), [long, 'short']);
      socket.close();
      await story.closed();
      engine.close();
    });

    test('the target closes', async () => {
      const engine = makeEngine(server.origin);
      const socket = new engine.PolySocket(server.origin.replace('http', 'ws') + '/echo', [], { transports: transport });
      const story = follow(socket);
      await story.opened();
      socket.close(4000, 'ünder');
      const closed = await story.closed();
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [4000, 'ünder', true]);
      engine.close();
    });
  });

test('the transports of an old Internet Explorer: XDomainRequest', async () => {
  const engine = makeEngine(server.origin, { websocket: false, sse: false, age: true, xhr: 'xdr' });
  const { socket } = await exchange(engine, 'websocket,relay,stream,sse,poll');
  assert.equal(socket.transport, 'poll');
  assert.equal(socket.reason, 'absent');
  assert.ok(engine.network.requests.every((one) => !one.url.includes('&cb=')), 'no script tags');
  engine.close();
});

describe('scripts whose failures nobody tells', () => {
  test('are found by timers', async () => {
    const engine = makeEngine(server.origin, { websocket: false, xhr: false, sse: false, age: true, tag: { scriptErrors: false } });
    let sends = 0;
    engine.network.fault = ({ url }) => (url.includes('/s/') && ++sends == 2 ? 'refuse' : undefined);
    await exchange(engine, 'jsonp', { count: 5 });
    assert.ok(sends > 2);
    engine.close();
  });
});

/** What may become of any request but the first of all. */
const FAULTS = {
  'every third answer is lost': ({ url }, count) => (count % 3 == 2 && !url.includes('/create') ? 'lose' : undefined),
  'every fourth request finds no connection': (_, count) => (count % 4 == 3 ? 'refuse' : undefined),
  'requests are late by up to 40 ms': (_, count) => ({ delay: (count * 17) % 40 }),
  'every third answer is cut short': ({ url }, count) =>
    count % 3 == 1 && !url.includes('/create') ? { truncate: 40 } : undefined,
};

for (const transport of ['stream', 'sse', 'poll', 'jsonp'])
  describe(`faults: ${transport}`, { concurrency: true }, () => {
    for (const [name, fault] of Object.entries(FAULTS)) {
      // A script that is cut short is a syntax error, and nothing of it runs.
      if (transport == 'jsonp' && name.includes('cut short')) continue;
      test(name, async () => {
        const engine = makeEngine(server.origin);
        let count = 0;
        engine.network.fault = (request) => fault(request, count++);
        await exchange(engine, transport, { count: 30 });
        engine.close();
      });
    }
    test('every request is sent twice', async () => {
      const engine = makeEngine(server.origin);
      engine.network.twice = true;
      await exchange(engine, transport, { count: 30 });
      engine.close();
    });
  });

describe('a session changes its transport', () => {
  test('when streams stop to work, without loss', async () => {
    const engine = makeEngine(server.origin);
    const socket = new engine.PolySocket(server.echo, [], { transports: 'stream poll' });
    const story = follow(socket);
    await story.opened();
    assert.equal(socket.transport, 'stream');
    engine.network.fault = ({ url }) => (url.includes('/x/') ? 'refuse' : undefined);
    engine.network.breakAll('/x/');
    const sent = await echo(socket, story, 100);
    assert.deepEqual(story.data(), sent);
    await story.until(() => socket.transport == 'poll', 'the change');
    assert.equal(socket.reason, 'failed');
    socket.close(3000);
    assert.equal((await story.closed()).code, 3000);
    engine.close();
  });

  test('when streams are held back: the reason is told', async () => {
    const engine = makeEngine(server.origin);
    engine.network.fault = ({ url }) => (url.includes('/x/') || url.includes('/e/') ? 'hang' : undefined);
    const socket = new engine.PolySocket(server.echo, [], { transports: 'stream poll' });
    const story = follow(socket);
    await story.opened();
    assert.equal(socket.transport, 'poll');
    assert.equal(socket.reason, 'buffered');
    assert.ok(engine.network.requests.some(({ url }) => url.includes('why=buffered')), 'the relay is told, too');
    socket.close();
    await story.closed();
    engine.close();
  });

  test('before it has one: where answers cannot be read while they come, by events', async () => {
    const engine = makeEngine(server.origin, { websocket: false, fetch: false });
    const { socket } = await exchange(engine, undefined);
    assert.equal(socket.transport, 'sse');
    engine.close();
  });

  test('when only script tags are left', async () => {
    const engine = makeEngine(server.origin, { websocket: false });
    engine.network.stripCors = true;
    const { socket } = await exchange(engine, undefined);
    assert.equal(socket.transport, 'jsonp');
    engine.close();
  });
});

describe('sending', () => {
  const posts = (engine) => engine.network.requests.filter(({ method, url }) => method == 'POST' && url.includes('/s/'));

  async function open(transports) {
    const engine = makeEngine(server.origin);
    const socket = new engine.PolySocket(server.echo, [], { transports });
    const story = follow(socket);
    await story.opened();
    return { engine, socket, story };
  }

  async function end({ engine, socket, story }) {
    socket.close();
    await story.closed();
    engine.close();
  }

  test('goes by scripts where no POST comes through, also what is longer than one unit', async () => {
    const { engine, socket, story } = await open('stream jsonp');
    engine.network.fault = ({ method, url }) => (method == 'POST' && url.includes('/s/') ? 'refuse' : undefined);
    const text = 'x'.repeat(3000);
    socket.send(text);
    await story.messages(1);
    assert.deepEqual(story.data(), [text]);
    assert.equal(socket.transport, 'jsonp');
    assert.ok(posts(engine).length < 20, 'it is not tried again and again without a pause');
    await end({ engine, socket, story });
  });

  test('is not slower for ever after something was lost', async () => {
    const { engine, socket, story } = await open('stream');
    socket.send('a');
    await story.messages(1);
    // An ack alone, of what came.
    engine.network.fault = ({ method }) => (method == 'POST' ? 'refuse' : undefined);
    const before = posts(engine).length;
    await engine.network.until(() => posts(engine).length > before);
    engine.network.fault = undefined;
    const text = 'x'.repeat(300_000);
    socket.send(text);
    await story.messages(2);
    assert.equal(story.data()[1], text);
    assert.ok(posts(engine).length - before < 30, `${posts(engine).length - before} requests`);
    await end({ engine, socket, story });
  });

  test('does not end the acks of a stream: they come also after one was due while something was under way', async () => {
    const { engine, socket, story } = await open('stream');
    socket.send('a');
    await story.messages(1);
    engine.network.fault = ({ method }) => (method == 'POST' ? { delay: 2000 } : undefined);
    socket.send('b');
    await story.messages(2);
    engine.network.fault = undefined;
    const before = posts(engine).length;
    await engine.network.until(() => posts(engine).slice(before).some(({ url }) => /[?&]ack=/.test(url) && !url.includes('t=f')));
    await end({ engine, socket, story });
  });

  test('of a Blob that cannot be read fails the socket, and nothing is sent in its place', async () => {
    const { engine, socket, story } = await open('poll');
    engine.run('FileReader = class { readAsArrayBuffer() { this.result = null; setTimeout(() => this.onloadend(), 0); } }');
    socket.send(engine.run('new Blob(["gone"])'));
    assert.equal((await story.closed()).code, 1006);
    assert.deepEqual(story.data(), []);
    engine.close();
  });
});

describe('the end', () => {
  test('a relay that is gone: close with 1006', async () => {
    const other = await startServer();
    const engine = makeEngine(other.origin);
    const socket = new engine.PolySocket(other.echo, [], { transports: 'stream poll' });
    const story = follow(socket);
    await story.opened();
    // Another router knows that the node has lost its lease.
    engine.network.fault = ({ url }) => (url.includes('/alive/') ? { answer: { ok: true, alive: false } } : undefined);
    await other.stop();
    const closed = await story.closed();
    assert.deepEqual([closed.code, closed.wasClean], [1006, false]);
    engine.close();
  });

  test('no request is ever preflighted, and a token never is in a URL', async () => {
    // The engine's XMLHttpRequest throws where one would be needed.
    const engine = makeEngine(server.origin);
    await exchange(engine, 'poll', { options: { token: 'secret' } });
    const create = engine.network.requests.find(({ url }) => url.includes('/create'));
    assert.equal(create.method, 'POST');
    assert.ok(!create.url.includes('secret') && String(create.body).includes('token=secret'));
    engine.close();
  });
});
