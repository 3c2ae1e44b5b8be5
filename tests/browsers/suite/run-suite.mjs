// Opens the suite's page in an engine, and compares what its cases did with what is known.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run, TESTS } from '../harness/index.mjs';
import { DIFFERENCES } from './differences.mjs';

/** A run is over before; of one that is not, its last reports say where it hangs. */
const RUN_MS = 240_000;

export async function caseFiles() {
  const names = await readdir(join(TESTS, 'suite/cases'));
  return names.filter((name) => name.endsWith('.js')).sort().map((name) => `/suite/cases/${name}`);
}

/** The pages that `startPages` shall serve: one with all cases, and the script of its worker. */
export async function suitePages() {
  const scripts = ['/dist/polysocket.js', '/suite/page/runner.js', '/suite/page/socket.js', ...(await caseFiles())];
  const tags = ['/harness/report.js', ...scripts, '/suite/page/window.js'].map((path) => `<script src="${path}"></script>`);
  return {
    '/suite.html': `<!DOCTYPE html><meta charset="utf-8"><title>suite</title>\n${tags.join('\n')}`,
    '/suite-worker.js': `importScripts(${[...scripts, '/suite/page/worker.js'].map((path) => `'${path}'`)});`,
    // Cases with relative URLs connect to the page's own server.
    '/echo': { status: 426, body: '' },
  };
}

/** `query` is what `page/window.js` reads. Gives `[{ name, ms, error } or { name, skipped }]`. */
export async function runSuite(engine, pages, query) {
  const defined = Object.entries({ ...query, only: process.env.ONLY }).filter(([, value]) => value !== undefined);
  const { reports } = await run(engine, pages.visit('/suite.html', { query: Object.fromEntries(defined) }), { timeout: RUN_MS });
  return reports;
}

const applies = (words, value) => !words || [].concat(words).includes(value);

function differencesOf({ engine, scope, transport }) {
  return DIFFERENCES.filter((each) => applies(each.engines, engine) && applies(each.scopes, scope) && applies(each.transports, transport));
}

/**
 * Every case that ran must have passed, save the differences that are listed; and of those each must be one, so that the
 * list cannot grow old.
 */
export function checkResults(context, results, where) {
  const ran = results.filter((each) => !each.skipped);
  const known = new Map(differencesOf(where).map((each) => [each.case, each]));
  const failed = ran.filter((each) => each.error && !known.has(each.name));
  // Where all ways are allowed, which of them carries depends on how busy the machine is, and with it what shows.
  const stale = where.transport === 'default' ? [] : ran.filter((each) => !each.error && known.has(each.name));
  const differing = ran.filter((each) => each.error && known.has(each.name));
  const bugs = differing.filter((each) => known.get(each.name).bug).length;
  const ms = ran.reduce((sum, each) => sum + each.ms, 0);
  const slowest = [...ran].sort((a, b) => b.ms - a.ms).slice(0, 3).map((each) => `${each.name} ${each.ms} ms`);
  context.diagnostic(`${ran.length} cases in ${(ms / 1000).toFixed(1)} s, ${results.length - ran.length} skipped, ${differing.length - bugs} differences, ${bugs} known bugs; slowest: ${slowest.join('; ')}`);
  const told = [
    ...failed.map((each) => `${each.name}\n    ${each.error}`),
    ...stale.map((each) => `${each.name}\n    passed, although differences.mjs lists it for this run`),
  ];
  assert.equal(told.length, 0, `${told.length} cases of ${ran.length}:\n  ${told.join('\n  ')}`);
  if (!process.env.ONLY) assert.ok(ran.length >= where.casesMin, `only ${ran.length} cases ran of ${results.length}`);
}
