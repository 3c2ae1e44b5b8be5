import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answerUpgrade, hangUpgrade, resetUpgrade } from '../modes/refuse-upgrade.mjs';
import { cutAfter, mute } from '../modes/tunnels.mjs';
import { withRig } from './rig.mjs';

/** Long enough for a byte to come on loopback, if one is to come. */
const SILENCE_MS = 300;

for (const status of [403, 502]) {
  test(`upgrades are answered ${status}, and requests pass`, () =>
    withRig([answerUpgrade(status, 'No')], {}, async (rig) => {
      assert.equal(await rig.upgrade(), status);
      assert.equal((await rig.ask('GET', '/')).status, 200);
      assert.equal(rig.count('upgrades refused'), 1);
      assert.deepEqual(rig.seen, ['GET / ']);
    }));
}

test('an upgrade hangs until the client goes', () =>
  withRig([hangUpgrade()], {}, async (rig) => {
    const outcome = rig.upgrade().catch((error) => error);
    assert.equal(await Promise.race([outcome, wait(SILENCE_MS, 'silence')]), 'silence');
    assert.equal(rig.count('upgrades swallowed'), 1);
    assert.deepEqual(rig.seen, []);
    await rig.box.close();
    assert.ok((await outcome) instanceof Error);
  }));

test('an upgrade is reset', () =>
  withRig([resetUpgrade()], {}, async (rig) => {
    await assert.rejects(rig.upgrade(), { code: 'ECONNRESET' });
    assert.deepEqual(rig.seen, []);
  }));

test('an open WebSocket is mute, both ways', () =>
  withRig([mute()], {}, async (rig) => {
    const socket = await rig.upgrade();
    rig.upgraded.unpipe().resume();
    socket.write('up');
    rig.upgraded.write('down');
    const heard = Promise.race([once(socket, 'data'), once(rig.upgraded, 'data'), once(socket, 'close')]);
    assert.equal(await Promise.race([heard, wait(SILENCE_MS, 'silence')]), 'silence');
    const ended = once(rig.upgraded, 'end');
    socket.destroy();
    await ended;
  }));

test('a WebSocket works until it is cut, on both sides', () =>
  withRig([cutAfter(200)], {}, async (rig) => {
    const began = performance.now();
    const socket = await rig.upgrade();
    socket.write('hello');
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    const closed = new Promise((resolve) => rig.upgraded.once('close', resolve));
    const [error] = await once(socket, 'error');
    assert.equal(error.code, 'ECONNRESET');
    const took = performance.now() - began;
    assert.ok(took > 195 && took < 1000, `${took} ms`);
    await closed;
    assert.equal(rig.count('tunnels cut'), 1);
  }));
