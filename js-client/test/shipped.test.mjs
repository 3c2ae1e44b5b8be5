// The shipped files themselves: what an old engine can parse, how much they weigh, and each way to load them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';

const dist = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url), 'utf8');
const classic = dist('polysocket.js');

test('the classic script is ES3, with no reserved word as a name', () => {
  parse(classic, { ecmaVersion: 3, allowReserved: 'never' });
  // What the gate must catch, to know that it does.
  for (const bad of ['a.catch()', '({ default: 1 })', 'var a = { get b() { return 1 } }', '[1, 2].map(x => x)'])
    assert.throws(() => parse(bad, { ecmaVersion: 3, allowReserved: 'never' }), bad);
});

test('it has at most 7 KB, gzipped', () => {
  assert.ok(gzipSync(classic, { level: 9 }).length <= 7168);
});

test('the integrity that is told is that of the file', () => {
  assert.equal(dist('polysocket.js.sri').trim(), 'sha384-' + createHash('sha384').update(classic).digest('base64'));
});

test('the source maps name sources, and have them', () => {
  for (const name of ['polysocket.js', 'polysocket.mjs']) {
    const map = JSON.parse(dist(`${name}.map`));
    assert.equal(map.file, name);
    assert.ok(map.sources.includes('src/socket.ts'));
    assert.ok(map.sourcesContent[map.sources.indexOf('src/socket.ts')].includes('WHATWG'));
  }
});

test('it can be loaded where there is no browser: CommonJS and ES module', async () => {
  const required = createRequire(import.meta.url)('../dist/polysocket.js');
  const { default: imported, PolySocket: named } = await import('../dist/polysocket.mjs');
  assert.equal(imported, named);
  for (const api of [required, imported]) {
    assert.equal(api.OPEN, 1);
    assert.equal(typeof api.configure, 'function');
    assert.equal(api.WebSocket, undefined);
  }
});

test('as a classic script it adds PolySocket, and the place of its callbacks, and nothing else', () => {
  const context = vm.createContext({ setTimeout, clearTimeout });
  context.self = context;
  const before = new Set(Object.keys(context));
  vm.runInContext(classic, context);
  assert.deepEqual(Object.keys(context).filter((name) => !before.has(name)).sort(), ['PolySocket', '_polysocket']);
});
