// How long from `new WebSocket` to `open`: the browser's own, the shim, sockjs-client and engine.io-client, on networks
// that carry upgrades, swallow them and refuse them, on a first visit (a fresh profile) and on later ones.
//
// The figures go into a table. What is asserted are ratios within the run, since machines differ, with room for a loaded
// one. VISITS=30 measures more often; ENGINES=firefox another browser.

import assert from 'node:assert/strict';
import test from 'node:test';
import { launch, withAll } from '../harness/index.mjs';
import { answerUpgrade, hangUpgrade } from '../middlebox/modes/refuse-upgrade.mjs';
import { clientScripts, startEngine, startSockjs } from './contenders.mjs';
import { startNetwork } from './network.mjs';
import { median, writeResults } from './results.mjs';

const VISITS = Number(process.env.VISITS ?? 3);
/** Later visits for each first one. */
const LATER = 2;
/** Nobody waits longer for a connection. */
const OPEN_MS_MAX = 10_000;

const NETWORKS = {
  good: () => [],
  swallowed: () => [hangUpgrade()],
  refused: () => [answerUpgrade(403, 'Forbidden')],
};

const PAGE = `<!doctype html><meta charset="utf-8">
<script src="/dist/polysocket.js"></script><script src="/sockjs.js"></script><script src="/engine.io.js"></script>
<script>
  const makers = {
    native: ({ target }) => new WebSocket(target),
    polysocket: ({ router, target }) => {
      PolySocket.configure({ router });
      return new PolySocket(target);
    },
    sockjs: ({ sockjs }) => new SockJS(sockjs),
    'engine.io': ({ engine }) => {
      const socket = eio(engine);
      socket.on('open', () => socket.onopen());
      return socket;
    },
  };

  window.timeOpen = (name, addresses, max) => {
    return new Promise((resolve) => {
      const began = performance.now();
      const socket = makers[name](addresses);
      const timer = setTimeout(() => resolve(null), max);
      socket.onopen = () => {
        clearTimeout(timer);
        const took = performance.now() - began;
        // The shim goes on for a moment: what it learns now is what a later visit knows.
        setTimeout(() => {
          socket.onclose = null;
          socket.close();
          resolve({ took, way: name === 'polysocket' ? socket.transport + ' ' + socket.reason : '' });
        }, 200);
      };
    });
  };
</script>`;

/** Opens once on a fresh profile and then again, each time in a new page of that profile. */
async function visit(engine, url, name, addresses) {
  const tab = await engine.open(url);
  try {
    const times = [];
    for (let load = 0; load <= LATER; load += 1) {
      if (load > 0) await tab.page.goto(url);
      const max = name === 'native' ? 1000 : OPEN_MS_MAX;
      times.push(await tab.page.evaluate((...all) => window.timeOpen(...all), name, addresses, max));
    }
    return times;
  } finally {
    await tab.close();
  }
}

async function measure(engine, networkName) {
  return withAll(async (use) => {
    const pages = { '/open.html': PAGE, ...(await clientScripts()) };
    const network = await startNetwork(use, { modes: NETWORKS[networkName](), pages });
    const { box, router, target, targetUrl } = network;
    const through = async (server) => `127.0.0.1:${await box.front({ host: '127.0.0.1', port: use(server).port })}`;
    const addresses = {
      router,
      target: targetUrl('/two-way?id=open'),
      sockjs: `http://${await through(await startSockjs())}/sockjs`,
      engine: `ws://${await through(await startEngine())}`,
    };
    const url = network.pages.visit('/open.html').url;
    const times = new Map();
    let connections = 0;
    for (let round = 0; round < VISITS; round += 1) {
      // In turn, so that what else the machine does meets all of them.
      for (const name of ['native', 'polysocket', 'sockjs', 'engine.io']) {
        if (name === 'native' && networkName !== 'good') continue;
        const before = target.of('open').length;
        const [first, ...later] = await visit(engine, url, name, addresses);
        const known = times.get(name) ?? { first: [], later: [] };
        known.first.push(first);
        known.later.push(...later);
        times.set(name, known);
        if (name === 'polysocket') connections = Math.max(connections, target.of('open').length - before);
      }
    }
    return { times, connectionsPerOpen: connections / (1 + LATER) };
  });
}

const ofAll = (opens) => (opens.every(Boolean) ? median(opens.map(({ took }) => took)) : Infinity);
const shown = (ms) => (ms === undefined ? '–' : Number.isFinite(ms) ? ms.toFixed(1) : 'never');

for (const engineName of (process.env.ENGINES ?? 'chromium').split(',')) {
  test(`time to open, ${engineName}`, async (context) => {
    const engine = await launch(engineName);
    const medians = {};
    const rows = [];
    const notes = [];
    try {
      for (const network of Object.keys(NETWORKS)) {
        const { times, connectionsPerOpen } = await measure(engine, network);
        for (const visits of ['first', 'later']) {
          const row = Object.fromEntries([...times].map(([name, known]) => [name, ofAll(known[visits])]));
          medians[`${network} ${visits}`] = row;
          rows.push({
            network,
            visit: visits,
            'native, ms': shown(row.native),
            'polysocket, ms': shown(row.polysocket),
            'sockjs-client, ms': shown(row.sockjs),
            'engine.io-client, ms': shown(row['engine.io']),
          });
        }
        const ways = times.get('polysocket').first.map((open) => open?.way);
        notes.push(`${network}: a first visit goes by ${[...new Set(ways)].join(' or ')}`);
        assert.equal(connectionsPerOpen, 1, `connections at the target for each socket, ${network}`);
      }
    } finally {
      await engine.stop();
    }
    notes.unshift(`medians of ${VISITS} first visits (fresh profiles) and ${VISITS * LATER} later ones, ${engineName}`);
    context.diagnostic(await writeResults(`open_time_${engineName}`, 'Time from `new` to `open`', rows, notes));

    const { 'good first': good, 'good later': goodLater } = medians;
    assert.ok(good.polysocket < 3 * good.native + 15, 'a good network: near native');
    assert.ok(goodLater.polysocket < 3 * goodLater.native + 15, 'a good network, later: near native');
    const first = medians['swallowed first'];
    const later = medians['swallowed later'];
    assert.ok(first.polysocket < first.sockjs, 'swallowed, first visit: sooner than sockjs');
    assert.ok(later.polysocket < later.sockjs / 3, 'swallowed, later: three times sooner than sockjs');
    assert.ok(medians['refused first'].polysocket < first.polysocket, 'refused: sooner than swallowed');
  });
}
