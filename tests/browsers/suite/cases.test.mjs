// The suite itself: what runs in old engines is ES3, and no name is there twice or listed in vain.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { parse } from 'acorn';
import { TESTS } from '../harness/index.mjs';
import { DIFFERENCES } from './differences.mjs';
import { caseFiles } from './run-suite.mjs';

const OURS = ['/harness/page/report.js', '/suite/page/runner.js', '/suite/page/socket.js', '/suite/page/window.js'];

const read = (path) => readFile(join(TESTS, path), 'utf8');

test('what runs in old engines is ES3', async () => {
  for (const path of [...OURS, ...(await caseFiles())]) {
    const source = await read(path);
    assert.doesNotThrow(() => parse(source, { ecmaVersion: 3, allowReserved: 'never' }), `${path} is not ES3`);
  }
});

test('names are there once, and every difference is of a case that exists', async () => {
  const names = [];
  const suite = { has: {}, group: (group, define) => define((name) => names.push(`${group}: ${name}`)) };
  const context = createContext({ suite });
  for (const path of await caseFiles()) runInContext(await read(path), context, { filename: path });
  assert.ok(names.length > 100, `${names.length} cases`);
  assert.deepEqual(names.filter((name, at) => names.indexOf(name) !== at), []);
  assert.deepEqual(DIFFERENCES.filter((each) => !names.includes(each.case)).map((each) => each.case), []);
  assert.deepEqual(DIFFERENCES.filter((each) => !each.why), []);
});
