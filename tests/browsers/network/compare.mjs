// What Polysocket, sockjs-client and engine.io-client make of every middlebox of the zoo: `node network/compare.mjs`.
// A measurement, with a table as its result; that Polysocket holds is what zoo.test.mjs asserts, and more strictly.
//
// RUNS=1, ENGINES=firefox, ONLY='part of a name' and CLIENTS=sockjs narrow it down.

import { launch, run, withAll } from '../harness/index.mjs';
import { zoo } from '../middlebox/zoo.mjs';
import { clientScripts, startEngine, startPlain, startSockjs } from './contenders.mjs';
import { startNetwork } from './network.mjs';
import { serveNumbered } from './numbered.mjs';
import { writeResults } from './results.mjs';
import { DIFFERENT } from './visits.mjs';

const MESSAGES = 1000;
const RUNS = Number(process.env.RUNS ?? 3);
const ENGINE = process.env.ENGINES ?? 'chromium';
const CLIENTS = (process.env.CLIENTS ?? 'polysocket,sockjs,engine.io').split(',');
const TIMEOUT_MS = 120_000;

const PAGE = `<!doctype html><meta charset="utf-8">
<script src="/harness/report.js"></script><script src="/dist/polysocket.js"></script>
<script src="/sockjs.js"></script><script src="/engine.io.js"></script>
<script src="/tests/network/page/tally.js"></script><script src="/tests/network/page/numbered.js"></script>
<script>
  // What a client throws on its own is a way to fail, and no end of the run.
  report.expected = () => true;
  const { client, first, sockets, ...rest } = report.query;
  const addresses = JSON.parse(rest.addresses);
  const settings = { count: +rest.count, quiet: +rest.quiet, spread: +rest.spread };
  document.cookie = 'zoo=1';
  (async () => {
    if (first) await numbered(client, addresses, { ...settings, untilCut: true, id: 'first' });
    report.done(await Promise.all(Array.from({ length: +sockets }, (_, index) =>
      numbered(client, addresses, { ...settings, id: String(index) }))));
  })();
</script>`;

/** One visit: what came of each of the page's sockets, as `{ page, up }`, `up` the tallies of the server. */
function visit(engine, name, client, seed) {
  const { sockets = 2, quiet = 0, spread = 0, first } = DIFFERENT[name] ?? {};
  return withAll(async (use) => {
    const tallies = new Map();
    const serve = serveNumbered(tallies);
    const pages = { '/compare.html': PAGE, ...(await clientScripts()) };
    const target = await startPlain(serve);
    const network = await startNetwork(use, { modes: zoo[name].modes(seed), pages, target });
    const address = (port) => `127.0.0.1:${port}`;
    const through = async (server) => address(await network.box.front({ host: '127.0.0.1', port: use(server).port }));
    const addresses = {
      router: network.router,
      polysocket: network.targetUrl('/'),
      sockjs: `http://${await through(await startSockjs(serve))}/sockjs`,
      engine: `ws://${await through(await startEngine(serve))}`,
    };
    const query = { client, sockets, quiet, spread, count: MESSAGES, addresses: JSON.stringify(addresses) };
    if (first) query.first = '1';
    const { value } = await run(engine, network.pages.visit('/compare.html', { query }), { timeout: TIMEOUT_MS });
    return value.map((page, index) => ({ page, up: (tallies.get(String(index)) ?? []).map((tally) => tally.result()) }));
  });
}

/** What is wrong with one socket's story, in words; empty when nothing is. */
function faults({ page, up }) {
  if (page.openMs === null) return ['never opens'];
  const words = [];
  if (page.end === 'closed') words.push('closes');
  if (page.end === 'quiet') words.push('stops');
  const nothing = { arrived: 0, doubled: 0, reordered: 0 };
  const best = up.reduce((one, other) => (other.arrived > one.arrived ? other : one), nothing);
  const sum = (what) => best[what] + page.down[what];
  const missing = 2 * MESSAGES - sum('arrived');
  // What was under way when it closed is not counted as lost: the page knows of that close.
  if (missing > 0 && page.end !== 'closed') words.push('loses');
  if (sum('doubled') > 0 || up.length > 1) words.push('doubles');
  if (sum('reordered') > 0) words.push('reorders');
  return words;
}

/** One cell: in how many runs all sockets were right, and what was wrong in the others. */
function cell(runs) {
  const wrong = runs.map((sockets) => new Set(sockets.flatMap(faults)));
  const right = wrong.filter((words) => words.size === 0).length;
  const words = [...new Set(wrong.flatMap((each) => [...each]))];
  const opens = runs.flat().map(({ page }) => page.openMs).filter((ms) => ms !== null).sort((a, b) => a - b);
  const open = opens.length ? `, open after ${opens[opens.length >> 1]} ms` : '';
  return `${right} of ${runs.length}${words.length ? `: ${words.join(', ')}` : ''}${open}`;
}

const engine = await launch(ENGINE);
const rows = [];
try {
  for (const name of Object.keys(zoo).filter((each) => each.includes(process.env.ONLY ?? ''))) {
    const row = { middlebox: name };
    for (const client of CLIENTS) {
      const runs = [];
      for (let seed = 1; seed <= RUNS; seed += 1) {
        runs.push(await visit(engine, name, client, seed).catch((error) => [{ page: { openMs: null }, up: [], error }]));
        const failed = runs.at(-1)[0].error;
        if (failed) console.error(`${name}, ${client}: ${failed.message}`);
      }
      row[client] = cell(runs);
    }
    rows.push(row);
    console.error(Object.values(row).join(' | '));
  }
} finally {
  await engine.stop();
}
const notes = [
  `in how many runs all ${MESSAGES} messages arrived both ways exactly once and in order, on every socket of the page; ${ENGINE}`,
  'two sockets at once, three where connections are few; where sockets are cut after 5 s the one after the first cut counts',
];
console.log(await writeResults(`compare_${ENGINE}`, 'The zoo, and who lives in it', rows, notes));
