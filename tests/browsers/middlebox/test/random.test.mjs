import assert from 'node:assert/strict';
import test from 'node:test';
import { below, oneOf, seeded } from '../random.mjs';

const draw = (seed, length = 5000) => {
  const random = seeded(seed);
  return Array.from({ length }, () => random());
};

test('the same seed draws the same, another does not', () => {
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('draws are spread evenly', () => {
  const numbers = draw(1);
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const share = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
    assert.ok(share > 400 && share < 600, `${share} of 5000 in tenth ${tenth}`);
  }
  const random = seeded(2);
  assert.deepEqual(new Set(Array.from({ length: 100 }, () => below(random, 3))), new Set([0, 1, 2]));
  assert.deepEqual(new Set(Array.from({ length: 100 }, () => oneOf(random, 'ab'))), new Set(['a', 'b']));
});
