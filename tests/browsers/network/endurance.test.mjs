// Many messages each way over one socket, on a network that loses answers, cuts connections and doubles requests: none is
// lost, doubled or reordered, and the page's memory stays what it was.
//
// MESSAGES=100000 is the full run; TRANSPORTS=jsonp and SEED=2 narrow it down.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test, { after, before } from 'node:test';
import { launch, run, withAll } from '../harness/index.mjs';
import { delay } from '../middlebox/modes/delay.mjs';
import { loseAnswers } from '../middlebox/modes/lose-answers.mjs';
import { repeat } from '../middlebox/modes/repeat.mjs';
import { truncate } from '../middlebox/modes/truncate.mjs';
import { page, startNetwork } from './network.mjs';
import { writeResults } from './results.mjs';

/** A multiple of four: memory is measured after each quarter. */
const MESSAGES = Number(process.env.MESSAGES ?? 10_000);
const SEED = Number(process.env.SEED ?? 1);
const TRANSPORTS = (process.env.TRANSPORTS ?? 'poll,jsonp,stream').split(',');
/** The slowest that was seen with these faults, jsonp, is ten times as fast. */
const MS_PER_MESSAGE_MAX = 20;
/** The heap at the end may be larger than after a quarter by this: what is under way (256 KiB up, as much down), twice. */
const HEAP_GROWTH_MAX = 1024 * 1024;
const NODES_GROWTH_MAX = 20;
const CLOSE_MS = 40_000;

const faults = (seed) => [
  loseAnswers({ seed, rate: 0.05 }),
  truncate({ seed: seed + 1, rate: 0.05 }),
  repeat({ seed: seed + 2, rate: 0.1 }),
  delay({ seed: seed + 3, maxMs: 10 }),
];

const PAGE = page(`
  const { router, target, transports, count } = report.query;
  PolySocket.configure({ router, transports });
  const quarter = Math.floor(count / 4);
  // The page must be there until it has been measured for the last time.
  const measured = new Promise((resolve) => (window.measured = resolve));
  exchange(target + '?id=' + transports, {
    count: +count,
    progress: (received) => {
      if (received % quarter === 0) report({ received });
    },
  }).then(async (story) => {
    await measured;
    report.done(story);
  }).catch((error) => report.failed(error.stack));
`);

/** What the page holds when everything has gone that nobody refers to. */
async function memory(session, browser) {
  await session.send('Performance.enable');
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const value = (name) => metrics.find((metric) => metric.name === name).value;
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  const sizes = await Promise.all(renderers.map(({ id }) => privateBytes(id)));
  return {
    heap: value('JSHeapUsedSize'),
    nodes: value('Nodes'),
    listeners: value('JSEventListeners'),
    // With what is not of JavaScript: answers, scripts, connections.
    process: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** What a process has for itself alone; 0 for one that has just ended. */
async function privateBytes(id) {
  const text = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
  return Number(/^Private_Dirty: +(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(2);
const rows = [];
let engine;

before(async () => {
  engine = await launch('chromium');
});

after(async () => {
  await engine?.stop();
  const notes = ['one socket; 5 % of answers lost, 5 % truncated, 10 % of requests doubled, all late by 0 to 10 ms'];
  if (rows.length) console.log(await writeResults('endurance', `${MESSAGES} messages each way`, rows, notes));
});

for (const transport of TRANSPORTS) {
  test(`${MESSAGES} messages each way over ${transport}`, () =>
    withAll(async (use) => {
      const network = await startNetwork(use, { modes: faults(SEED), pages: { '/endurance.html': PAGE } });
      const { box, pages, router, target, targetUrl } = network;
      const query = { router, target: targetUrl('/two-way'), transports: transport, count: MESSAGES };
      const heaps = [];
      let tab;
      let session;
      let browser;
      const { value: story } = await run(engine, pages.visit('/endurance.html', { query }), {
        timeout: 30_000 + MESSAGES * MS_PER_MESSAGE_MAX,
        onTab: (opened) => {
          tab = opened;
          session = tab.page.createCDPSession();
          browser = tab.page.browser().target().createCDPSession();
        },
        onReport: async ({ received }) => {
          heaps.push(memory(await session, await browser));
          await heaps.at(-1);
          if (received === MESSAGES) await tab.page.evaluate(() => window.measured());
        },
      }).catch((error) => {
        error.message += `\nmiddlebox: ${JSON.stringify(box.counts)}\ntarget: ${JSON.stringify([...target.stories])}`;
        throw error;
      });
      const quarters = await Promise.all(heaps);
      assert.equal(quarters.length, 4);
      const [early, , , late] = quarters;

      const shown = JSON.stringify(story);
      assert.equal(story.wrong, null, shown);
      assert.deepEqual([story.opens, story.errors, story.received, story.sent], [1, 0, MESSAGES, MESSAGES], shown);
      assert.deepEqual(story.close, { code: 3001, reason: 'the page has all: €', wasClean: true }, shown);
      await target.until(() => target.of(transport).every(({ close }) => close), CLOSE_MS, 'the close');
      const expected = { received: MESSAGES, wrong: null, close: { code: 3001, reason: 'the page has all: €' } };
      assert.deepEqual(target.of(transport), [expected]);
      const happened = (...names) => names.reduce((sum, name) => sum + box.counts.get(name), 0);
      // A short run may meet one of the two alone.
      assert.ok(happened('answers lost', 'answers truncated') > 0, JSON.stringify(box.counts));
      assert.ok(happened('requests repeated') > 0, JSON.stringify(box.counts));
      rows.push({
        transport,
        'messages/s, each way': Math.round(MESSAGES / (story.ms / 1000)),
        requests: box.counts.get('requests'),
        lost: box.counts.get('answers lost'),
        truncated: box.counts.get('answers truncated'),
        doubled: box.counts.get('requests repeated'),
        'heap at 25, 50, 75, 100 %, MB': quarters.map(({ heap }) => megabytes(heap)).join(', '),
        'renderer processes, MB': quarters.map((each) => megabytes(each.process)).join(', '),
        'DOM nodes': `${early.nodes} → ${late.nodes}`,
        listeners: `${early.listeners} → ${late.listeners}`,
      });
      assert.ok(late.heap - early.heap < HEAP_GROWTH_MAX, `heap ${early.heap} → ${late.heap}`);
      assert.ok(late.nodes - early.nodes < NODES_GROWTH_MAX, `DOM nodes ${early.nodes} → ${late.nodes}`);
    }));
}
