// How long from `new WebSocket` to `open`: the browser's own, the shim, sockjs-client and engine.io-client, on networks
// that carry upgrades, swallow them and refuse them, on a first visit (a fresh profile) and on later ones:
// `node network/open_time.mjs`. A measurement: it prints its tables, and ends with 1 where a goal is missed.
//
// VISITS=30 measures more often; ENGINES=firefox another browser.

import { launch, withAll } from '../harness/index.mjs';
import { Middlebox } from '../middlebox/middlebox.mjs';
import { answerUpgrade, hangUpgrade } from '../middlebox/modes/refuse-upgrade.mjs';
import { clientScripts, startEngine, startSockjs } from './contenders.mjs';
import { startNetwork } from './network.mjs';
import { median, writeResults } from './results.mjs';

const VISITS = Number(process.env.VISITS ?? 10);
const ENGINE = process.env.ENGINES ?? 'chromium';
/** Later visits for each first one. */
const LATER = 2;
/** Nobody waits longer for a connection. */
const OPEN_MS_MAX = 10_000;
/** What the browser's own takes on a machine that has nothing else to do. Where it takes longer, so may everything. */
const NATIVE_MS_QUIET = 12;

const CLIENTS = ['native', 'polysocket', 'sockjs', 'engine.io'];
const NETWORKS = {
  good: () => [],
  swallowed: () => [hangUpgrade()],
  refused: () => [answerUpgrade(403, 'Forbidden')],
};

/** `over`: the limit is for what comes on top of the browser's own. */
const GOALS = [
  { network: 'good', visit: 'first', ms: 5, over: true },
  { network: 'good', visit: 'later', ms: 5, over: true },
  { network: 'swallowed', visit: 'first', ms: 400 },
  { network: 'swallowed', visit: 'later', ms: 50 },
  { network: 'refused', visit: 'first', ms: 50 },
  { network: 'refused', visit: 'later', ms: 50 },
];

const PAGE = `<!doctype html><meta charset="utf-8">
<script src="/dist/polysocket.js"></script><script src="/sockjs.js"></script><script src="/engine.io.js"></script>
<script src="/tests/network/page/open_time.js"></script>`;

/** Opens once on a fresh profile and then again, each time in a new page of that profile. */
async function visit(engine, url, name, addresses) {
  const tab = await engine.open(url);
  try {
    const times = [];
    for (let load = 0; load <= LATER; load += 1) {
      if (load > 0) await tab.page.goto(url);
      times.push(await tab.page.evaluate((...all) => window.timeOpen(...all), name, addresses, OPEN_MS_MAX));
    }
    return times;
  } finally {
    await tab.close();
  }
}

/** client → `{ first, later }`, and all numbers of connections that the target has seen for one socket of ours. */
async function measure(engine, networkName) {
  return withAll(async (use) => {
    const pages = { '/open.html': PAGE, ...(await clientScripts()) };
    const network = await startNetwork(use, { modes: NETWORKS[networkName](), pages });
    const { box, router, target, targetUrl } = network;
    const through = async (server) => `127.0.0.1:${await box.front({ host: '127.0.0.1', port: use(server).port })}`;
    // On each of the networks the browser's own has a way on which nothing is broken: it shows how the machine is.
    const whole = new Middlebox();
    use({ stop: () => whole.close() });
    const addresses = {
      router,
      plain: `ws://127.0.0.1:${await whole.front({ host: '127.0.0.1', port: target.port })}/?id=plain`,
      target: targetUrl('/two-way?id=open'),
      sockjs: `http://${await through(await startSockjs())}/sockjs`,
      engine: `ws://${await through(await startEngine())}`,
    };
    const { url } = network.pages.visit('/open.html');
    const times = new Map(CLIENTS.map((name) => [name, { first: [], later: [] }]));
    const connections = new Set();
    for (let round = 0; round < VISITS; round += 1) {
      // In turn, so that what else the machine does meets all of them.
      for (const [name, known] of times) {
        const before = target.of('open').length;
        const [first, ...later] = await visit(engine, url, name, addresses);
        known.first.push(first);
        known.later.push(...later);
        if (name === 'polysocket') connections.add((target.of('open').length - before) / (1 + LATER));
      }
    }
    return { times, connections: [...connections] };
  });
}

/** The median of what a client took; infinite where one of the sockets did not open. */
const typical = (opens) => (opens.every(Boolean) ? median(opens.map(({ took }) => took)) : Infinity);

function shown(opens) {
  if (!opens.every(Boolean)) return 'not always';
  const took = opens.map((open) => open.took);
  return `${median(took).toFixed(1)} (${Math.min(...took).toFixed(0)}–${Math.max(...took).toFixed(0)})`;
}

const engine = await launch(ENGINE);
const rows = [];
const notes = [
  `medians (and the range) of ${VISITS} first visits, each with a fresh profile, and ${VISITS * LATER} later ones; ${ENGINE}`,
];
const measured = {};
const natives = [];
let once = true;
try {
  for (const network of Object.keys(NETWORKS)) {
    const { times, connections } = await measure(engine, network);
    measured[network] = times;
    for (const visits of ['first', 'later']) {
      const all = Object.fromEntries([...times].map(([name, known]) => [`${name}, ms`, shown(known[visits])]));
      rows.push({ network, visit: visits, ...all });
      natives.push(...times.get('native')[visits]);
      const ways = new Set(times.get('polysocket')[visits].map((open) => open?.way.trim()));
      notes.push(`${network}, ${visits} visits: carried by ${[...ways].join(' or ')}`);
    }
    once &&= connections.every((number) => number === 1);
    notes.push(`${network}: connections at the target for each socket of ours: ${connections.join(' or ')}`);
  }
} finally {
  await engine.stop();
}

const noise = Math.max(1, typical(natives) / NATIVE_MS_QUIET);
notes.push('the browser’s own goes by a way of its own on which upgrades pass, as a measure of the machine');
if (noise > 1) {
  const took = (noise * NATIVE_MS_QUIET).toFixed(1);
  notes.push(`it takes ${took} ms here instead of ${NATIVE_MS_QUIET}, so the limits are ${noise.toFixed(2)} times as high`);
}

const verdict = (goal, shown, limit, met) => ({ goal, measured: shown, 'at most': limit, verdict: met ? 'met' : 'missed' });
const verdicts = GOALS.map(({ network, visit: visits, ms, over }) => {
  const of = (name) => typical(measured[network].get(name)[visits]);
  const took = of('polysocket') - (over ? of('native') : 0);
  const limit = ms * noise;
  const goal = `${network}, ${visits} visit${over ? ': more than native' : ''}`;
  return verdict(goal, `${took.toFixed(1)} ms`, `${limit.toFixed(0)} ms`, took <= limit);
});
verdicts.push(verdict('connections at the target', once ? '1' : 'not always 1', '1', once));

console.log(await writeResults(`open_time_${ENGINE}`, 'Time from `new` to `open`', rows, notes, verdicts));
process.exitCode = verdicts.every((each) => each.verdict === 'met') ? 0 : 1;
