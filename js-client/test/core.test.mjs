// The session's core against a naive model, with requests that are lost, repeated and reordered.

import assert from 'node:assert/strict';
import test from 'node:test';
import { chance, someText } from './support/chance.mjs';
import { loadModules } from './support/modules.mjs';

const { core, frames } = await loadModules(['core', 'frames']);

function make() {
  const told = { messages: [], opened: [], closed: [], drained: 0 };
  const made = core.makeCore({
    opened: (protocol) => told.opened.push(protocol),
    message: (data, binary) => told.messages.push([data, binary]),
    closed: (...close) => told.closed.push(close),
    drained: (bytes) => (told.drained += bytes),
  });
  return { core: made, told };
}

/** The relay's side of the page's units: takes each once, in order, and joins fragments. */
function relay() {
  let expected = 1;
  let parts = '';
  const messages = [];
  return {
    messages,
    get acked() {
      return expected - 1;
    },
    take(number, frame) {
      if (number != expected) return;
      expected++;
      frames.frameReader({
        heard() {},
        unit(_, message) {
          parts += message.data;
          if (!message.more) {
            messages.push([message.data === undefined ? undefined : parts, message.type == 'binary']);
            parts = '';
          }
        },
      })(frame);
    },
  };
}

test('up: whatever is lost, repeated and reordered, each message arrives once and in order', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = chance(seed);
    const { core: page, told } = make();
    const other = relay();
    const sent = [];
    let bytes = 0;
    const ways = [];
    for (let round = 0; round < 400; round++) {
      if (round < 200 && !random(3)) {
        // Bytes only, as a fragment of text may end within a character.
        const data = 'x'.repeat([0, 1, 50, 1100, 1101, 5000][random(6)]) + round;
        sent.push([data, true]);
        bytes += data.length;
        page.send(frames.BINARY, data);
      }
      const number = page.first + random(4);
      const unit = page.frame(number);
      if (unit) ways.push([number, unit]);
      if (ways.length && random(2)) {
        const at = random(ways.length);
        other.take(...ways[at]);
        if (random(2)) ways.splice(at, 1);
      }
      if (!random(4)) page.acked(other.acked);
    }
    for (let unit; (unit = page.frame(page.first)); page.acked(other.acked)) other.take(page.first, unit);
    assert.deepEqual(other.messages, sent, `seed ${seed}`);
    assert.equal(told.drained, bytes);
  }
});

test('up: a unit keeps its number and its bytes, and no unit is longer than a URL takes', () => {
  const { core: page } = make();
  page.send(frames.TEXT, 'y'.repeat(3000));
  const before = [1, 2, 3].map((number) => page.frame(number));
  page.send(frames.TEXT, 'z');
  assert.deepEqual([1, 2, 3].map((number) => page.frame(number)), before);
  assert.ok(before.every((frame) => frame.length <= core.UNIT_BYTES_MAX + 3));
  assert.equal(page.frame(5), '');
  page.acked(2);
  assert.equal(page.first, 3);
  assert.equal(page.frame(3), before[2]);
});

test('up: what is not there yet holds up all behind it', () => {
  const { core: page } = make();
  const late = page.send(frames.BINARY);
  page.send(frames.TEXT, 'behind');
  assert.equal(page.frame(1), '');
  late.bytes = '';
  assert.equal(page.frame(1), frames.frame(frames.BINARY, ''));
  assert.equal(page.frame(2), frames.frame(frames.TEXT, 'behind'));
});

test('down: whatever is repeated, each message is told once; a gap is seen', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = chance(seed);
    const { core: page, told } = make();
    const units = [{ protocol: 'chat', extensions: '' }];
    const sent = [];
    for (let count = 0; count < 50; count++) {
      const parts = Array.from({ length: 1 + random(3) }, () => someText(random, random(9)));
      const type = random(2) ? 'text' : 'binary';
      sent.push([parts.join(''), type == 'binary']);
      parts.forEach((data, index) => units.push({ type, data, more: index < parts.length - 1 }));
    }
    units.push({ type: 'close', code: 4001, reason: 'all', wasClean: true });
    while (page.received < units.length) {
      const from = random(page.received + 3);
      if (from > page.received) {
        assert.equal(page.unit(from + 1, units[from]) ?? true, from == page.received, 'a gap');
        continue;
      }
      for (let at = from; at < Math.min(units.length, from + 4); at++) assert.equal(page.unit(at + 1, units[at]), true);
    }
    assert.deepEqual(told.messages, sent, `seed ${seed}`);
    assert.deepEqual(told.opened, ['chat']);
    assert.deepEqual(told.closed, [[4001, 'all', true]]);
  }
});
