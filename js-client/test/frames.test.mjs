// Frames: a stream of them is read the same wherever it is cut.

import assert from 'node:assert/strict';
import test from 'node:test';
import { chance, someText } from './support/chance.mjs';
import { loadModules } from './support/modules.mjs';

const { frames } = await loadModules(['frames']);

const HEARTBEAT = 5;
const END = 7;
const utf8 = (text) => Buffer.from(text, 'utf8').toString('latin1');

function read(pieces) {
  const seen = [];
  const reader = frames.frameReader({
    unit: (number, message) => seen.push(['unit', number, { ...message }]),
    acked: (number) => seen.push(['acked', number]),
    heard: (idle) => idle && seen.push(['idle']),
    over: () => seen.push(['over']),
  });
  for (const piece of pieces) reader(piece);
  return seen;
}

test('numbers are LEB128, up to 2^53', () => {
  assert.equal(frames.leb(0), '\0');
  assert.equal(frames.leb(127), '\x7f');
  assert.equal(frames.leb(128), '\x80\x01');
  for (const number of [300, 16383, 16384, 2 ** 31, 2 ** 32 + 5, 2 ** 53 - 1]) {
    const seen = read([frames.frame(frames.ACK, frames.leb(number))]);
    assert.deepEqual(seen, [['acked', number]]);
  }
});

test('a stream is read the same wherever it is cut', () => {
  const random = chance(3);
  const text = someText(random, 300).replace(/[\ud800-\udfff]/g, '') + 'é'.repeat(100);
  const whole =
    frames.frame(frames.START, frames.leb(7)) +
    frames.frame(HEARTBEAT, '') +
    frames.frame(frames.TEXT, utf8(text)) +
    frames.frame(frames.BINARY + frames.MORE, '\0\xff') +
    frames.frame(frames.BINARY, '') +
    frames.frame(frames.ACK, frames.leb(1000)) +
    frames.frame(3, '{"protocol":"chat","extensions":""}') +
    frames.frame(frames.CLOSE, '\x0f\xa0\x01' + utf8('adé')) +
    frames.frame(END, '');
  const expected = [
    ['idle'],
    ['unit', 7, { data: text, more: false }],
    ['unit', 8, { type: 'binary', data: '\0\xff', more: true }],
    ['unit', 9, { type: 'binary', data: '', more: false }],
    ['acked', 1000],
    ['unit', 10, { protocol: 'chat', extensions: '' }],
    ['unit', 11, { code: 4000, reason: 'adé', wasClean: true }],
    ['over'],
  ];
  assert.deepEqual(read([whole]), expected);
  assert.deepEqual(read(whole.split('')), expected);
  for (let round = 0; round < 50; round++) {
    const pieces = [];
    for (let at = 0; at < whole.length; ) pieces.push(whole.slice(at, (at += 1 + random(40))));
    assert.deepEqual(read(pieces), expected);
  }
});

test('a target that could not be reached does not tell the page why', () => {
  const [[, , message]] = read([frames.frame(frames.START, '\x01') + frames.frame(frames.CLOSE, '\x03\xee\x02timeout')]);
  assert.deepEqual(message, { code: 1006, reason: '', wasClean: false });
});
