// Every middlebox of the zoo, in real browsers: on each of them the page ends with a working socket, and all messages
// arrive exactly once, in order, both ways, and so do the code and the reason of the close.
//
// ENGINES=chromium, ONLY='part of a name', TRANSPORTS=poll,jsonp and SEED=7 narrow a run down; TRACE=1 shows requests.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { launch, MODERN, run, withAll } from '../harness/index.mjs';
import { zoo } from '../middlebox/zoo.mjs';
import { page, startNetwork } from './network.mjs';
import { DIFFERENT } from './visits.mjs';

const MESSAGES = 1000;
const SEED = Number(process.env.SEED ?? 1);
const TIMEOUT_MS = 180_000;
/** How long a target may take to learn of a close: the relay's idle time, if the last answers were lost, and some. */
const CLOSE_MS = 40_000;

const CLOSED_BY = {
  page: { code: 3001, reason: 'the page has all: €', wasClean: true },
  target: { code: 4002, reason: 'the target has all: €', wasClean: true },
};

const PAGE = page(`
  const { router, target, transports, headStart, sockets, quiet, spread, count, first } = report.query;
  PolySocket.configure({ router, ...(transports && { transports }), ...(headStart && { headStart: +headStart }) });
  document.cookie = 'zoo=1';

  async function all() {
    const cut = first && await exchange(target + '?id=first', { count: 1, closes: 'neither' });
    const stories = Array.from({ length: +sockets }, (_, index) =>
      exchange(target + '?id=' + index, {
        count: +count, quiet: +quiet, spread: +spread, closes: index % 2 ? 'target' : 'page',
      }));
    return { cut, stories: await Promise.all(stories) };
  }
  all().then(report.done, (error) => report.failed(error.stack));
`);

function checkPage(story, closes) {
  const shown = JSON.stringify(story);
  assert.equal(story.wrong, null, shown);
  assert.deepEqual([story.opens, story.errors, story.received, story.sent], [1, 0, MESSAGES, MESSAGES], shown);
  assert.deepEqual(story.close, CLOSED_BY[closes], shown);
}

/** Of all connections at the target for one socket, one had the exchange, and no other a single message. */
function checkTarget(connections, closes) {
  const shown = JSON.stringify(connections);
  const used = connections.filter(({ received }) => received > 0);
  assert.equal(used.length, 1, shown);
  const { received, wrong, close } = used[0];
  assert.equal(wrong, null, shown);
  assert.equal(received, MESSAGES, shown);
  const { code, reason } = CLOSED_BY[closes];
  assert.deepEqual(close, { code, reason }, shown);
}

async function meet(name, engine, context) {
  const { modes, happened } = zoo[name];
  const { sockets = 2, quiet = 0, spread = 0, first, headStart } = DIFFERENT[name] ?? {};
  await withAll(async (use) => {
    const network = await startNetwork(use, { modes: modes(SEED), pages: { '/zoo.html': PAGE } });
    const { box, pages, router, target, targetUrl } = network;
    const query = { router, target: targetUrl('/two-way'), sockets, quiet, spread, count: MESSAGES };
    if (process.env.TRANSPORTS) query.transports = process.env.TRANSPORTS;
    if (first) query.first = '1';
    if (headStart) query.headStart = headStart;
    const failed = (error) => {
      error.message += `\nmiddlebox: ${JSON.stringify(box.counts)}\ntarget: ${JSON.stringify([...target.stories])}`;
      throw error;
    };
    const { value } = await run(engine, pages.visit('/zoo.html', { query }), { timeout: TIMEOUT_MS }).catch(failed);
    for (const { transports, openMs, ms } of value.stories) {
      context.diagnostic(`${transports.join(' → ')}, open after ${openMs} ms, all over after ${ms} ms`);
    }
    context.diagnostic(`middlebox: ${JSON.stringify(box.counts)}`);
    if (first) {
      assert.deepEqual(value.cut.close, { code: 1006, reason: '', wasClean: false }, JSON.stringify(value.cut));
      assert.deepEqual([value.cut.opens, value.cut.received], [1, 1], JSON.stringify(value.cut));
    }
    value.stories.forEach((story, index) => checkPage(story, index % 2 ? 'target' : 'page'));
    const closed = (id) => target.of(id).filter(({ received }) => received > 0).every(({ close }) => close);
    for (let index = 0; index < sockets; index += 1) {
      const id = String(index);
      await target.until(() => closed(id), CLOSE_MS, `the close of socket ${id}`);
      checkTarget(target.of(id), index % 2 ? 'target' : 'page');
    }
    if (happened) assert.ok(box.counts.get(happened) > 0, `the middlebox did nothing: ${JSON.stringify(box.counts)}`);
    if (name === 'none') assert.deepEqual([...target.stories.values()].map((all) => all.length), [1, 1]);
  });
}

const engines = process.env.ENGINES?.split(',') ?? MODERN;
const names = Object.keys(zoo).filter((name) => name.includes(process.env.ONLY ?? ''));

for (const engineName of engines) {
  describe(engineName, () => {
    let engine;
    before(async () => {
      engine = await launch(engineName);
    });
    after(() => engine?.stop());
    for (const name of names) test(name, (context) => meet(name, engine, context));
  });
}
