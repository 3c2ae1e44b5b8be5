// Without modes it is a proxy that nobody notices.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'node:test';
import { resetUpgrade } from '../modes/refuse-upgrade.mjs';
import { withRig } from './rig.mjs';

test('requests and bodies of any length pass', () =>
  withRig([], {}, async (rig) => {
    for (const length of [0, 1, 4096, 300_000]) {
      const body = 'x'.repeat(length);
      assert.equal((await rig.ask('POST', `/${length}`, { body })).body, `got /${length} ${body}`);
    }
    assert.equal(rig.count('requests'), 4);
  }));

test('a chunked stream passes as it comes, and the server sees when the client goes', async () => {
  let opened;
  const response = new Promise((resolve) => (opened = resolve));
  await withRig([], { answer: (_request, answer) => opened(answer) }, async (rig) => {
    const socket = connect(rig.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const stream = await response;
    for (const word of ['one', 'two']) {
      stream.write(word);
      let text = '';
      while (!text.includes(word)) text += (await once(socket, 'data'))[0];
    }
    socket.destroy();
    await once(stream, 'close');
  });
});

test('a WebSocket passes both ways, and its end does', () =>
  withRig([], {}, async (rig) => {
    const socket = await rig.upgrade('/ws');
    socket.write('hello');
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    rig.upgraded.destroy();
    await once(socket, 'close');
    assert.deepEqual(rig.seen, ['UPGRADE /ws']);
  }));

test('who is exempt is left alone', () =>
  withRig([resetUpgrade()], { exempt: (head) => head.get('user-agent') === 'relay' }, async (rig) => {
    const socket = await rig.upgrade('/ws', { 'User-Agent': 'relay' });
    socket.destroy();
    await assert.rejects(rig.upgrade('/ws'));
    assert.equal(rig.count('upgrades reset'), 1);
  }));
