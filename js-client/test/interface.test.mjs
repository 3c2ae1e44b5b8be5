// The interface as the standard has it, on the shipped file: constructor, attributes, send, close, events.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { makeEngine } from './support/engine.mjs';
import { startServer } from './support/server.mjs';
import { follow } from './support/story.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

/** An old engine has no accessors, no buffers, and nothing but script tags. */
const AGES = { modern: {}, old: { age: true, websocket: false, xhr: false, sse: false } };

for (const [age, given] of Object.entries(AGES))
  describe(`engine: ${age}`, () => {
    let engine;
    before(() => (engine = makeEngine(server.origin, given)));
    after(() => engine.close());
    const make = (url = server.echo, ...more) => new engine.PolySocket(url, ...more);
    const fails = (run, name, code) =>
      assert.throws(run, (error) => error.name == name && (code === undefined || error.code == code));

    test('constructor: without new, without a URL', () => {
      fails(() => engine.PolySocket(server.echo), 'TypeError');
      fails(() => new engine.PolySocket(), 'TypeError');
      if (age == 'modern') assert.equal(engine.PolySocket.length, 1);
    });

    test('constructor: URLs are made absolute, and http becomes ws', () => {
      const urls = {
        'ws://a.example': 'ws://a.example/',
        'WSS://a.example:443/x?y': 'wss://a.example/x?y',
        'http://a.example/b': 'ws://a.example/b',
        'https://a.example/b': 'wss://a.example/b',
        '/path': 'ws://page.example/path',
        'path?q': 'ws://page.example/path?q',
        '//b.example/': 'ws://b.example/',
        'ws:b.example/x': 'ws://b.example/x',
      };
      for (const [given, url] of Object.entries(urls)) {
        const socket = make(given);
        assert.equal(socket.url, url);
        socket.close();
      }
      for (const bad of ['ftp://a.example', 'mailto:a', 'ws://a.example/#part', 'ws://a.example/#', 'ws://'])
        fails(() => make(bad), 'SyntaxError', 12);
    });

    test('constructor: subprotocols are tokens, each once', () => {
      for (const bad of ['', 'a b', 'a,b', 'é', ['a', 'a'], ['a', ''], 'a"']) fails(() => make(undefined, bad), 'SyntaxError', 12);
      make(undefined, ['a', "!#$%&'*+-.^_`|~9"]).close();
      make(undefined, []).close();
      if (age == 'modern') {
        make(undefined, new Set(['a', 'b'])).close();
        fails(() => make(undefined, new Set(['a', 'b c'])), 'SyntaxError', 12);
      }
    });

    test('attributes before anything happens; constants', () => {
      const socket = make();
      assert.equal(socket.readyState, 0);
      assert.equal(socket.bufferedAmount, 0);
      assert.equal(socket.protocol, '');
      assert.equal(socket.extensions, '');
      assert.equal(socket.transport, '');
      assert.equal(socket.reason, '');
      assert.equal(socket.onmessage, null);
      assert.equal(socket.binaryType, age == 'modern' ? 'blob' : 'arraybuffer');
      for (const [name, value] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })) {
        assert.equal(engine.PolySocket[name], value);
        assert.equal(socket[name], value);
        assert.equal(engine.PolySocket.prototype[name], value);
      }
      assert.ok(socket instanceof engine.PolySocket);
      socket.close();
    });

    test('send before open throws; send without data throws', async () => {
      const socket = make();
      const story = follow(socket);
      fails(() => socket.send('early'), 'InvalidStateError', 11);
      await story.opened();
      fails(() => socket.send(), 'TypeError');
      socket.close();
      await story.closed();
    });

    test('close checks its code and its reason before anything else', async () => {
      const socket = make();
      for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, NaN, 'x', null]) fails(() => socket.close(code), 'InvalidAccessError', 15);
      fails(() => socket.close(1000, 'é'.repeat(62)), 'SyntaxError', 12);
      assert.equal(socket.readyState, 0);
      const story = follow(socket);
      await story.opened();
      socket.close(3000.5, 'é'.repeat(61));
      assert.equal(socket.readyState, 2);
      socket.close();
      const closed = await story.closed();
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [3000, 'é'.repeat(61), true]);
    });

    test('close while connecting: error, then close with 1006, and no open', async () => {
      const socket = make();
      const story = follow(socket);
      socket.close(1000, 'never mind');
      assert.equal(socket.readyState, 2);
      const closed = await story.closed();
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [1006, '', false]);
      assert.deepEqual(story.types(), ['error', 'close']);
      assert.ok(story.events.every((one) => one.readyState == 3));
    });

    test('a target that is not there: error, then close with 1006', async () => {
      const story = follow(make('ws://127.0.0.1:9/'));
      const closed = await story.closed();
      assert.deepEqual([closed.code, closed.wasClean], [1006, false]);
      assert.deepEqual(story.types().slice(-2), ['error', 'close']);
      assert.ok(!story.types().includes('open'));
    });

    test('handlers and listeners: order, once, removal, handleEvent, errors that stop nobody', async () => {
      const socket = make();
      const seen = [];
      const note = (name) =>
        function (event) {
          seen.push([name, this === socket, event.target === socket, event.type]);
        };
      socket.addEventListener('mine', note('first'));
      socket.addEventListener('mine', null);
      const twice = note('twice');
      socket.addEventListener('mine', twice);
      socket.addEventListener('mine', twice, true);
      const gone = note('gone');
      socket.addEventListener('mine', gone);
      socket.removeEventListener('mine', gone);
      socket.addEventListener('mine', note('once'), { once: true });
      const object = { handleEvent: (event) => seen.push(['object', true, event.target === socket, event.type]) };
      socket.addEventListener('mine', object);
      const event = () => (age == 'modern' ? new Event('mine') : { type: 'mine' });
      socket.dispatchEvent(event());
      assert.deepEqual(seen.map((one) => one[0]), ['first', 'twice', 'once', 'object']);
      assert.ok(seen.every((one) => one[1] && one[2] && one[3] == 'mine'));
      socket.dispatchEvent(event());
      assert.deepEqual(seen.slice(4).map((one) => one[0]), ['first', 'twice', 'object']);
      for (const bad of [null, undefined, {}]) fails(() => socket.dispatchEvent(bad), 'TypeError');
      socket.close();
    });

    test('a listener can end an event, and remove those behind it', () => {
      const socket = make();
      const seen = [];
      const last = () => seen.push('last');
      socket.addEventListener('mine', () => {
        seen.push('first');
        socket.removeEventListener('mine', last);
        socket.addEventListener('mine', () => seen.push('new'));
      });
      socket.addEventListener('mine', last);
      const event = () => (age == 'modern' ? new Event('mine') : { type: 'mine' });
      socket.dispatchEvent(event());
      assert.deepEqual(seen, ['first']);
      socket.addEventListener('other', (one) => one.stopImmediatePropagation());
      socket.addEventListener('other', last);
      socket.dispatchEvent(age == 'modern' ? new Event('other') : { type: 'other' });
      assert.deepEqual(seen, ['first']);
      socket.close();
    });

    test('events come in order, each in a task of its own, and handlers may be set after new', async () => {
      const socket = make();
      const story = follow(socket);
      const states = [];
      socket.onopen = () => states.push(['open', socket.readyState]);
      socket.onmessage = (event) => states.push([event.data, socket.readyState]);
      socket.onclose = (event) => states.push([event.code, socket.readyState]);
      await story.opened();
      socket.send('one');
      socket.send('two');
      await story.messages(2);
      socket.close(4000, 'done');
      socket.send('three');
      const closed = await story.closed();
      assert.deepEqual([closed.code, closed.reason, closed.wasClean], [4000, 'done', true]);
      assert.deepEqual(states, [['open', 1], ['one', 1], ['two', 1], [4000, 3]]);
      const message = story.events.find((one) => one.type == 'message').event;
      assert.equal(message.origin, server.origin.replace('http', 'ws'));
      assert.equal(socket.bufferedAmount, 5, 'what was sent after close stays in the sum');
      socket.send('more');
      assert.equal(socket.bufferedAmount, 9);
    });

    test('nothing is told after close() but the close', async () => {
      const socket = make();
      const story = follow(socket);
      await story.opened();
      for (let count = 0; count < 20; count++) socket.send('never seen');
      socket.close();
      const closed = await story.closed();
      assert.deepEqual(story.data(), []);
      assert.deepEqual([closed.code, closed.wasClean], [1005, true]);
    });

    test('text: lone halves of pairs become U+FFFD; anything becomes text', async () => {
      const socket = make();
      const story = follow(socket);
      await story.opened();
      for (const data of ['', 'a\ud800b', '\u2028</script>&', 12, null, { toString: () => 'object' }]) socket.send(data);
      await story.messages(6);
      assert.deepEqual(story.data(), ['', 'a\ufffdb', '\u2028</script>&', '12', 'null', 'object']);
      socket.close();
      await story.closed();
    });

    test('a subprotocol is agreed with the target', async () => {
      const socket = make(server.echo + '?protocol=chat', ['superchat', 'chat']);
      const story = follow(socket);
      const end = await story.until((list) => list.find((one) => one.type == 'open' || one.type == 'close'), 'an end');
      if (end.type == 'open') assert.ok(['superchat', 'chat'].includes(socket.protocol));
      socket.close();
    });
  });

describe('what only modern engines have', () => {
  let engine;
  before(() => (engine = makeEngine(server.origin)));
  after(() => engine.close());

  for (const transports of ['websocket', 'relay', 'poll'])
    test(`binary over ${transports}: buffers, views and blobs, in order; both types`, async () => {
      const socket = new engine.PolySocket(server.echo, [], { transports });
      const story = follow(socket);
      socket.binaryType = 'nonsense';
      assert.equal(socket.binaryType, 'blob');
      await story.opened();
      const bytes = new Uint8Array([0, 1, 127, 128, 255]);
      socket.send(new Blob(['blo', 'b']));
      socket.send('after');
      socket.send(bytes.buffer);
      await story.messages(3);
      socket.binaryType = 'arraybuffer';
      socket.send(bytes.subarray(1, 3));
      socket.send(new DataView(bytes.buffer, 2));
      socket.send(new ArrayBuffer(0));
      await story.messages(6);
      const [blob, text, second, ...rest] = story.data();
      assert.equal(await blob.text(), 'blob');
      assert.equal(text, 'after');
      assert.deepEqual(new Uint8Array(await second.arrayBuffer()), bytes);
      assert.deepEqual(rest.map((data) => [...new Uint8Array(data)]), [[1, 127], [127, 128, 255], []]);
      socket.close();
      await story.closed();
    });

  test('attributes are accessors of the prototype; handlers take functions and objects, and nothing else', () => {
    const socket = new engine.PolySocket(server.echo);
    for (const name of ['url', 'readyState', 'bufferedAmount', 'onopen', 'binaryType'])
      assert.ok(Object.getOwnPropertyDescriptor(engine.PolySocket.prototype, name).get, name);
    const object = {};
    socket.onopen = object;
    assert.equal(socket.onopen, object);
    socket.onopen = 5;
    assert.equal(socket.onopen, null);
    socket.close();
  });

  test('a handler that is taken away and set again goes behind', () => {
    const socket = new engine.PolySocket(server.echo);
    const seen = [];
    socket.onmessage = () => seen.push('first');
    socket.addEventListener('message', () => seen.push('listener'));
    socket.onmessage = () => seen.push('second');
    socket.dispatchEvent(new Event('message'));
    assert.deepEqual(seen, ['second', 'listener']);
    socket.onmessage = null;
    socket.onmessage = () => seen.push('third');
    socket.dispatchEvent(new Event('message'));
    assert.deepEqual(seen.slice(2), ['listener', 'third']);
    socket.close();
  });

  test('bufferedAmount is what has not reached the relay', async () => {
    const socket = new engine.PolySocket(server.echo, [], { transports: 'poll' });
    const story = follow(socket);
    await story.opened();
    socket.send('é');
    socket.send(new Uint8Array(5000));
    assert.equal(socket.bufferedAmount, 5002);
    await story.messages(2);
    await story.until(() => socket.bufferedAmount == 0 || (socket.send(''), false), 'an empty buffer');
    socket.close();
    await story.closed();
  });

  test('an error in a listener is told, and stops no other', async () => {
    const thrown = [];
    const engine = makeEngine(server.origin, {});
    // What is thrown in a timer is what a browser tells as not caught.
    const { setTimeout: later } = engine.global;
    engine.global.setTimeout = (run, ms) =>
      later(() => {
        try {
          run();
        } catch (error) {
          thrown.push(error.message);
        }
      }, ms);
    const socket = new engine.PolySocket(server.echo);
    const seen = [];
    socket.addEventListener('mine', () => {
      throw new Error('mine');
    });
    const second = new Promise((resolve) => socket.addEventListener('mine', () => resolve(seen.push('second'))));
    socket.dispatchEvent(new Event('mine'));
    await second;
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([seen, thrown], [['second'], ['mine']]);
    socket.close();
    engine.close();
  });

  test('install replaces WebSocket, and keeps the old one', () => {
    const engine = makeEngine(server.origin);
    const native = engine.global.WebSocket;
    engine.PolySocket.install();
    assert.equal(engine.run('WebSocket'), engine.PolySocket);
    assert.equal(engine.PolySocket.WebSocket, native);
    engine.close();
  });
});
