// Bytes as strings, against what node knows of UTF-8 and base64.

import assert from 'node:assert/strict';
import test from 'node:test';
import { chance, someText } from './support/chance.mjs';
import { loadModules } from './support/modules.mjs';

const { bytes } = await loadModules(['bytes']);

const binary = (string) => Buffer.from(string, 'latin1');

test('text is UTF-8, with U+FFFD for halves of pairs, and comes back', () => {
  const random = chance(1);
  for (let round = 0; round < 500; round++) {
    const text = someText(random, round % 50);
    const coded = binary(bytes.fromText(text));
    assert.deepEqual(coded, Buffer.from(new TextEncoder().encode(text)));
    assert.equal(bytes.toText(coded.toString('latin1')), new TextDecoder().decode(coded));
  }
  assert.equal(bytes.fromText('a\ud800b\udc00\ud83d'), binary('a').toString() + bytes.fromText('\ufffdb\ufffd\ufffd'));
});

test('base64 of every length is as node has it, without padding', () => {
  const random = chance(2);
  for (let length = 0; length < 200; length++) {
    const data = Buffer.from(Array.from({ length }, () => random(256)));
    const text = data.toString('base64');
    assert.equal(bytes.toBase64(data.toString('latin1')), text.replace(/=/g, ''));
  }
});

test('buffers and views of them, also longer than one call takes arguments', () => {
  const all = new Uint8Array(70_000).map((_, index) => (index * 7) & 255);
  assert.deepEqual(binary(bytes.fromBuffer(all.buffer)), Buffer.from(all));
  assert.deepEqual(binary(bytes.fromBuffer(all.subarray(3, 20_000))), Buffer.from(all.subarray(3, 20_000)));
  assert.deepEqual(binary(bytes.fromBuffer(new DataView(all.buffer, 5, 9))), Buffer.from(all.subarray(5, 14)));
  assert.deepEqual(binary(bytes.fromBuffer(new Uint16Array(all.buffer, 2, 4))), Buffer.from(all.subarray(2, 10)));
  assert.deepEqual(Buffer.from(bytes.toBuffer(bytes.fromBuffer(all))), Buffer.from(all));
});
