// The choice between the browser's own and a session, as a table: for every state it says something, and what it says holds.

import assert from 'node:assert/strict';
import test from 'node:test';
import { loadModules } from './support/modules.mjs';

const { choose } = await loadModules(['choose']);

const OWN = ['none', 'trying', 'ready', 'failed'];
const PROBE = ['silent', 'trying', 'late', 'delivered', 'refused', 'none'];
const CHOICE = ['wait', 'native', 'carry', 'prepare', 'tryNative', 'fail'];
const YES_NO = [false, true];

function* all() {
  for (const own of OWN)
    for (const ownLeft of YES_NO)
      for (const place of OWN)
        for (const canCarry of YES_NO)
          for (const carrying of YES_NO)
            for (const probe of PROBE)
              for (const late of YES_NO) {
                // The network is asked only beside a session that is prepared.
                if (['silent', 'trying'].includes(probe) && (place == 'none' || !canCarry)) continue;
                yield { own, ownLeft, place, canCarry, carrying, probe, late };
              }
}

const decide = (now) =>
  CHOICE[
    choose.choose(
      OWN.indexOf(now.own),
      now.ownLeft,
      OWN.indexOf(now.place),
      now.canCarry,
      now.carrying,
      PROBE.indexOf(now.probe),
      now.late,
    )
  ];

test('what holds in every state', () => {
  for (const now of all()) {
    const choice = decide(now);
    const state = JSON.stringify(now);
    if (choice == 'native') assert.equal(now.own, 'ready', state);
    if (choice == 'carry') assert.ok(now.place == 'ready' && !now.carrying, state);
    if (choice == 'prepare') assert.ok(now.place == 'none' && now.canCarry && !now.carrying, state);
    if (choice == 'tryNative') assert.ok(now.ownLeft && now.own != 'trying', state);
    // It ends only where nothing is on its way and nothing is left.
    if (choice == 'fail') assert.ok(now.own != 'trying' && now.own != 'ready' && !now.ownLeft && !now.carrying, state);
    // The head start belongs to the browser's own.
    if (now.own == 'trying' && !now.late) assert.equal(choice, 'wait', state);
    // It waits only for something that is on its way.
    if (choice == 'wait')
      assert.ok(now.carrying || now.own == 'trying' || now.place == 'trying' || (now.own == 'ready' && now.probe == 'trying'), state);
  }
});

test('the browser\'s own is taken as soon as nothing speaks against it', () => {
  const ready = { own: 'ready', ownLeft: false, place: 'ready', canCarry: true, carrying: false, late: false };
  for (const probe of ['late', 'delivered', 'refused', 'none']) assert.equal(decide({ ...ready, probe }), 'native');
  assert.equal(decide({ ...ready, probe: 'trying' }), 'wait');
  assert.equal(decide({ ...ready, probe: 'silent' }), 'carry');
  assert.equal(decide({ ...ready, probe: 'silent', place: 'trying' }), 'wait');
  assert.equal(decide({ ...ready, probe: 'silent', place: 'failed' }), 'native');
  assert.equal(decide({ ...ready, probe: 'trying', place: 'failed' }), 'native');
});

test('the session is taken when the browser\'s own has failed, or is late', () => {
  const rest = { ownLeft: false, canCarry: true, carrying: false, probe: 'trying', late: false };
  assert.equal(decide({ ...rest, own: 'failed', place: 'ready' }), 'carry');
  assert.equal(decide({ ...rest, own: 'failed', place: 'trying' }), 'wait');
  assert.equal(decide({ ...rest, own: 'trying', place: 'ready', late: true }), 'carry');
  assert.equal(decide({ ...rest, own: 'none', place: 'none' }), 'prepare');
  assert.equal(decide({ ...rest, own: 'none', ownLeft: true, place: 'failed' }), 'tryNative');
  assert.equal(decide({ ...rest, own: 'none', ownLeft: true, place: 'none', canCarry: false }), 'tryNative');
});
