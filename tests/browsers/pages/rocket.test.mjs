// The page of Rocket, in browsers: beside the others in `polysocket dev`, and alone on its own listener.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { run, startPages, startPolysocket, withAll, launch } from '../harness/index.mjs';
import { engines, PAIRS, panes, SEEN_MS, shortcomings, startBrowser, startHub } from './hub.mjs';

/** Both panes into a channel of their own; the page has connected them by what it chose. */
async function enter(page, channel) {
  for (const name of ['left', 'right']) await page.waitForSelector(`[data-name=${name}][data-state=open]`, { timeout: SEEN_MS });
  await page.$eval('#channel', (input, value) => (input.value = value), channel);
  await page.click('#settings [type=submit]');
  const both = panes(page);
  for (const pane of both) await pane.until('open');
  return both;
}

const untilPresent = (page, pane, count) =>
  page.waitForFunction(
    (at, wanted) => document.querySelector(at).textContent === String(wanted),
    { timeout: SEEN_MS },
    pane.at('present'),
    count,
  );

async function publish(pane, text) {
  await pane.type('data', text);
  await pane.page.click(`${pane.at('say')} [type=submit]`);
}

/** A client as `docs/ROCKET.md` has it, in a page that has nothing of ours. */
const PLAIN = `<!doctype html><title>plain</title><script src="/harness/report.js"></script><script>
  const socket = new WebSocket(report.query.hub);
  const say = (action, fields) => socket.send(JSON.stringify({ [action]: fields }));
  const frames = [];
  socket.onopen = () => say('authenticate', { user: 'frontend', secret: '' });
  socket.onmessage = ({ data }) => {
    frames.push(data);
    const frame = JSON.parse(data);
    if (frame.authenticated) say('subscribe', { channel: 'plain' });
    else if (frame.subscribed) say('broadcast', { event: 'hello', channel: 'plain', data: { text: 'hi' } });
    else if (frame.event || frame.err) say('disconnect', true);
  };
  socket.onclose = ({ code }) => report.done({ frames, code });
</script>`;

for (const name of engines) {
  describe(`rocket in ${name}`, () => {
    let browser;
    let polysocket;
    before(async () => {
      polysocket = await startPolysocket();
      browser = await startBrowser(name, polysocket);
    });
    after(async () => {
      await browser?.stop();
      await polysocket?.stop();
    });
    const visit = (body) => browser.visit(`${polysocket.origin}/pages/rocket`, body);

    for (const ways of PAIRS) {
      test(`by ${ways.join(' and ')}: both get all, in the same order, once`, () =>
        visit(async (page, log) => {
          const both = await enter(page, `pair-${ways.join('-')}`);
          for (const [index, pane] of both.entries()) await pane.connect(ways[index]);
          for (const pane of both) await untilPresent(page, pane, 2);
          // Not waiting for one another.
          for (let count = 0; count < 8; count += 1) await publish(both[count % 2], `message ${count}`);
          const [left, right] = await Promise.all(both.map((pane) => pane.got(8)));
          assert.deepEqual(left, right);
          assert.deepEqual(left.map(([label]) => label), left.map((_, index) => `#${index + 1} hello`));
          for (const parity of [0, 1]) {
            const mine = left.map(([, text]) => text).filter((text) => Number(text.split(' ')[1]) % 2 === parity);
            assert.deepEqual(mine, [0, 2, 4, 6].map((count) => `message ${count + parity}`));
          }
          assert.deepEqual(log, []);
        }));
    }

    test('what was missed comes first; or all; or nothing of it', () =>
      visit(async (page) => {
        const [left, right] = await enter(page, 'missed');
        await left.connect('native');
        await right.connect('native');
        await publish(left, '{"n":0}');
        assert.deepEqual(await right.got(1), [['#1 hello', '{"n":0}', '']]);
        await right.disconnect();
        await untilPresent(page, left, 1);
        for (const count of [1, 2, 3]) await publish(left, `{"n":${count}}`);
        await left.got(4);
        await right.connect('poll');
        await right.untilSaid('since #1: 3 messages come first');
        const missed = [1, 2, 3].map((count) => [`#${count + 1} hello`, `{"n":${count}}`, 'from the history']);
        assert.deepEqual((await right.got(4)).slice(1), missed);
        await untilPresent(page, left, 2);
        assert.match(await right.text('members'), /Left.*Right/);

        await right.disconnect();
        await page.select(right.at('begin'), 'all');
        await right.connect('sse');
        const all = await right.got(8);
        assert.deepEqual(all.slice(4).map(([label, , remark]) => [label, remark]), [1, 2, 3, 4].map((count) => [`#${count} hello`, 'from the history']));

        await right.disconnect();
        await publish(left, 'unheard');
        await left.got(5);
        await page.select(right.at('begin'), 'now');
        await right.connect('native');
        await right.untilSaid('messages come after #5');
        await publish(left, 'heard');
        assert.deepEqual((await right.got(9)).slice(8), [['#6 hello', 'heard', '']]);
      }));

    test('another page is seen, and seen to go', () =>
      visit(async (page) => {
        const [left] = await enter(page, 'presence');
        await untilPresent(page, left, 2);
        await visit(async (other) => {
          const [guest] = await enter(other, 'presence');
          await untilPresent(other, guest, 4);
          await untilPresent(page, left, 4);
          assert.match(await left.text('members'), /another page/);
        });
        await untilPresent(page, left, 2);
      }));

    test('errors are said in words', () =>
      visit(async (page) => {
        const [left, right] = await enter(page, 'errors');
        await left.until('open');
        await page.$eval('#user', (input) => (input.value = 'nobody'));
        await page.click('#settings [type=submit]');
        assert.match(await left.untilError(), /has no user of that name/);
        await publish(left, 'refused');
        await page.waitForFunction((at) => /has not let this pane into/.test(document.querySelector(at).textContent), { timeout: SEEN_MS }, left.at('error'));
        await page.$eval('#user', (input) => (input.value = 'frontend'));
        await page.$eval('#url', (input) => (input.value = input.value.replace('/rocket', '/elsewhere')));
        await page.click('#settings [type=submit]');
        await left.until('failed');
        assert.match(await left.untilError(), /did not open/);
        await page.$eval('#url', (input) => (input.value = 'http//nothing'));
        await page.click('#settings [type=submit]');
        assert.match(await right.untilError(), /cannot be connected to|did not open/);
        await publish(left, 'unsaid');
        assert.match(await left.untilError(), /not connected, so it cannot publish/);
      }));

    test('by keyboard, with names, in a narrow window', () =>
      visit(async (page) => {
        const [left, right] = await enter(page, 'keyboard');
        await right.until('open');
        await left.until('open');
        await untilPresent(page, left, 2);
        await page.focus(`${left.at('say')} [name=data]`);
        await page.keyboard.type(' by keys');
        await page.keyboard.press('Enter');
        const [[, text]] = await right.got(1);
        assert.match(text, /by keys/);
        assert.deepEqual(await shortcomings(page), { nameless: [], wider: 0 });
      }));

    test('alone on its own listener: by the browser’s own, with links to nothing that is not there', () =>
      withAll(async (use) => {
        const hub = use(await startHub(true));
        await browser.visit(`${hub.rocket}/pages/rocket`, async (page, log) => {
          const both = await enter(page, 'alone');
          for (const pane of both) await untilPresent(page, pane, 2);
          await publish(both[0], 'to both');
          const [left, right] = await Promise.all(both.map((pane) => pane.got(1)));
          assert.deepEqual(left, [['#1 hello', 'to both', '']]);
          assert.deepEqual(right, left);
          assert.deepEqual(await page.$$eval('.top a[href]', (all) => all.map((link) => link.pathname)), ['/pages/rocket']);
          assert.deepEqual(await page.$$eval(`${both[0].at('way')} option`, (all) => all.map(({ value }) => value)), ['native']);
          assert.deepEqual(log, []);
          await hub.stop();
          for (const pane of both) {
            await pane.until('closed');
            assert.match(await pane.untilError(), /The server is going away/);
          }
          await both[0].press('toggle');
          await both[0].until('failed');
          assert.match(await both[0].untilError(), /did not open/);
        });
      }));
  });

  test(`rocket in a page without anything of ours, in ${name}`, () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      const pages = use(await startPages({ '/plain.html': PLAIN }));
      const engine = use(await launch(name));
      const query = { hub: `${origin.replace('http', 'ws')}/rocket` };
      const { value } = await run(engine, pages.visit('/plain.html', { query }));
      assert.equal(value.code, 1000);
      assert.deepEqual(value.frames.map((frame) => JSON.parse(frame)), [
        { authenticated: 'frontend' },
        { subscribed: 'plain' },
        { broadcasted: 'plain' },
        { event: 'hello', channel: 'plain', data: { text: 'hi' } },
      ]);
    }));
}

test('no pages where the key is not on', () =>
  withAll(async (use) => {
    const hub = use(await startHub(false));
    const answer = await fetch(`${hub.gockets}/pages/gockets`);
    assert.equal(answer.status, 404);
    // This hub's Rocket has all paths, and wants a WebSocket.
    assert.equal((await fetch(`${hub.rocket}/pages/rocket`)).status, 426);
  }));
