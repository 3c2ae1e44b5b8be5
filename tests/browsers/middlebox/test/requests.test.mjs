import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { bufferStreams } from '../modes/buffer-streams.mjs';
import { delay } from '../modes/delay.mjs';
import { dieReused } from '../modes/die-reused.mjs';
import { fewConnections } from '../modes/few-connections.mjs';
import { loseAnswers } from '../modes/lose-answers.mjs';
import { repeat } from '../modes/repeat.mjs';
import { smallBodies } from '../modes/small-bodies.mjs';
import { stripCookies, stripCors } from '../modes/strip.mjs';
import { truncate } from '../modes/truncate.mjs';
import { withRig } from './rig.mjs';

/** Long enough for a byte to come on loopback, if one is to come. */
const SILENCE_MS = 300;

/** Everything a server says to a bare GET, until it ends. */
async function raw(port, path = '/') {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let text = '';
  socket.on('data', (bytes) => (text += bytes));
  socket.on('error', () => (text += '!'));
  await once(socket, 'close');
  return text;
}

test('a stream is held until it ends, an answer with a length is not', async () => {
  let opened;
  const response = new Promise((resolve) => (opened = resolve));
  const answer = (request, answered) => (request.url === '/stream' ? opened(answered) : answered.end('at once'));
  await withRig([bufferStreams()], { answer }, async (rig) => {
    assert.equal((await rig.ask('GET', '/')).body, 'at once');
    const whole = raw(rig.port, '/stream');
    const stream = await response;
    stream.write('one ');
    assert.equal(await Promise.race([whole, wait(SILENCE_MS, 'silence')]), 'silence');
    assert.deepEqual([rig.count('streams held'), rig.count('streams let go')], [1, 0]);
    stream.end('two');
    assert.match(await whole, /one [^]*two/);
    assert.equal(rig.count('streams let go'), 1);
  });
});

test('answers are truncated anywhere, after the server acted', () =>
  withRig([truncate({ seed: 1, rate: 1 })], {}, async (rig) => {
    const lengths = new Set();
    for (let run = 0; run < 40; run += 1) {
      const text = await raw(rig.port, `/${'x'.repeat(200)}`);
      assert.doesNotMatch(text, /x{200} $/);
      lengths.add(text.length);
    }
    assert.equal(rig.seen.length, 40);
    assert.ok(lengths.size > 20, 'at many places');
    assert.ok(Math.min(...lengths) < 100 && Math.max(...lengths) > 200, 'in the head and in the body');
    assert.equal(rig.count('answers truncated'), 40);
  }));

test('a stream is truncated while it runs', async () => {
  const answer = (_request, response) => {
    const timer = setInterval(() => response.write('y'.repeat(100)), 1);
    response.once('close', () => clearInterval(timer));
  };
  await withRig([truncate({ seed: 2, rate: 1 })], { answer }, async (rig) => {
    assert.ok((await raw(rig.port)).length <= 2 ** 14);
  });
});

test('an answer is lost after the server acted', () =>
  withRig([loseAnswers({ seed: 1, rate: 1 })], {}, async (rig) => {
    for (let run = 0; run < 6; run += 1) await assert.rejects(rig.ask('POST', '/', { body: `${run}` }));
    assert.deepEqual(rig.seen, [0, 1, 2, 3, 4, 5].map((run) => `POST / ${run}`));
    assert.equal(rig.count('answers lost'), 6);
  }));

test('a connection dies without an answer when it is used again, after the server acted', () =>
  withRig([dieReused({ seed: 1, rate: 1 })], {}, async (rig) => {
    for (let run = 0; run < 3; run += 1) {
      assert.equal((await rig.ask('POST', '/', { body: `${run} first` })).status, 200);
      await assert.rejects(rig.ask('POST', '/', { body: `${run} again` }), { code: 'ECONNRESET' });
    }
    assert.deepEqual(rig.seen, [0, 1, 2].flatMap((run) => [`POST / ${run} first`, `POST / ${run} again`]));
    assert.equal(rig.count('reused connections died'), 3);
  }));

test('every request reaches the server twice, and the client has one answer', () =>
  withRig([repeat({ seed: 1 })], {}, async (rig) => {
    for (let run = 0; run < 40; run += 1) {
      const method = run % 2 ? 'POST' : 'GET';
      const body = run % 2 ? 'b' : '';
      assert.equal((await rig.ask(method, `/${run}`, { body })).body, `got /${run} ${body}`);
    }
    await rig.reached(80);
    for (let run = 0; run < 40; run += 1) {
      assert.equal(rig.seen.filter((line) => line.split(' ')[1] === `/${run}`).length, 2, `/${run}`);
    }
    for (const variant of ['first', 'second', 'late', 'resent']) {
      assert.ok(rig.count(`GET repeated, ${variant}`) + rig.count(`POST repeated, ${variant}`) > 0, variant);
    }
  }));

test('a request that the first delivery parks is answered all the same', async () => {
  // The second delivery ends the first, as the relay does with polls.
  let parked;
  const answer = (_request, response) => {
    parked?.end('replaced');
    parked = response;
    if (rigSeen.length % 2 === 0) response.end('newest');
  };
  let rigSeen;
  await withRig([repeat({ seed: 3 })], { answer }, async (rig) => {
    rigSeen = rig.seen;
    const { body } = await rig.ask('GET', '/');
    assert.ok(['replaced', 'newest'].includes(body), body);
  });
});

test('requests are late and overtake each other', () =>
  withRig([delay({ seed: 1, maxMs: 200 })], {}, async (rig) => {
    const began = performance.now();
    const paths = Array.from({ length: 12 }, (_, index) => `/${index}`);
    const answers = await Promise.all(paths.map((path) => rig.ask('GET', path)));
    assert.deepEqual(answers.map(({ body }) => body), paths.map((path) => `got ${path} `));
    assert.ok(performance.now() - began < 1500);
    assert.notDeepEqual(rig.seen, paths.map((path) => `GET ${path} `));
    assert.ok(rig.count('requests overtaken') > 0);
  }));

test('a third request to a host waits, and one to another host does not', async () => {
  const parked = [];
  const answer = (_request, response) => parked.push(response);
  await withRig([fewConnections({ max: 2 })], { answer }, async (rig) => {
    const ask = (host, path) => rig.ask('GET', path, { headers: { host } });
    const answers = ['/1', '/2', '/3'].map((path) => ask('a', path));
    await rig.reached(2);
    const other = ask('b', '/4');
    await rig.reached(3);
    assert.deepEqual(rig.seen.map((line) => line.split(' ')[1]).sort(), ['/1', '/2', '/4']);
    for (let index = 0; index < 4; index += 1) {
      await rig.reached(index + 1);
      parked[index].end('done');
    }
    await Promise.all([...answers, other]);
    assert.deepEqual([rig.count('connections to a host'), rig.count('requests queued')], [2, 1]);
  });
});

test('large bodies are refused and small ones pass', async () => {
  await withRig([smallBodies({ maxBytes: 4096 })], {}, async (rig) => {
    assert.equal((await rig.ask('POST', '/', { body: 'x'.repeat(4097) })).status, 413);
    assert.equal((await rig.ask('POST', '/', { body: 'x'.repeat(4096) })).status, 200);
    assert.deepEqual([rig.seen.length, rig.count('bodies refused')], [1, 1]);
  });
  await withRig([smallBodies({ maxBytes: 4096, byReset: true })], {}, async (rig) => {
    await assert.rejects(rig.ask('POST', '/', { body: 'x'.repeat(4097) }), { code: 'ECONNRESET' });
    assert.deepEqual(rig.seen, []);
  });
});

test('cookies are taken out, both ways', async () => {
  let cookie = 'none yet';
  const answer = (request, response) => {
    ({ cookie } = request.headers);
    response.setHeader('Set-Cookie', ['a=1', 'b=2']).end();
  };
  await withRig([stripCookies()], { answer }, async (rig) => {
    const { headers } = await rig.ask('GET', '/', { headers: { Cookie: 'c=3' } });
    assert.deepEqual([cookie, headers['set-cookie']], [undefined, undefined]);
    assert.equal(rig.count('cookies stripped'), 3);
    (await rig.upgrade('/', { Cookie: 'c=3' })).destroy();
    assert.equal(rig.count('cookies stripped'), 5);
  });
});

test('CORS fields are taken out', async () => {
  const answer = (_request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*').setHeader('X-Other', '1').end('text');
  };
  await withRig([stripCors()], { answer }, async (rig) => {
    const { headers, body } = await rig.ask('GET', '/');
    assert.deepEqual([headers['access-control-allow-origin'], headers['x-other'], body], [undefined, '1', 'text']);
    assert.equal(rig.count('CORS answers stripped'), 1);
  });
});
