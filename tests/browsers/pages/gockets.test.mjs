// The page of Gockets, in browsers: beside the others in `polysocket dev`, and alone on its own listener.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import test, { after, before, describe } from 'node:test';
import { promisify } from 'node:util';
import { startPolysocket, withAll } from '../harness/index.mjs';
import { startGate } from './gate.mjs';
import { engines, PAIRS, panes, SEEN_MS, shortcomings, startBrowser, startHub, untilText } from './hub.mjs';

/** A hook that answers with its `status`, and keeps what was posted: `[id, body, signature]` of each. */
async function startHook() {
  const hook = { status: 200, posted: [] };
  const answered = new EventEmitter();
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    hook.posted.push([request.headers['webhook-id'], Buffer.concat(pieces).toString(), request.headers['webhook-signature']]);
    response.writeHead(hook.status).end(() => answered.emit('answered'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  hook.url = `http://127.0.0.1:${server.address().port}/hook`;
  hook.until = async (count) => {
    while (hook.posted.length < count) await once(answered, 'answered', { signal: AbortSignal.timeout(SEEN_MS) });
  };
  hook.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return hook;
}

/** Prepares a channel and has both panes listen by `ways`. */
async function prepare(page, ways = ['native', 'native'], hook = '') {
  await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
  await page.$eval('#hook', (input, value) => (input.value = value), hook);
  await page.click('#settings [type=submit]');
  await untilText(page, '#subscriber', /^[0-9a-f]{32}$/);
  const both = panes(page);
  for (const [index, pane] of both.entries()) await pane.connect(ways[index]);
  await untilText(page, '#listeners', /^2$/);
  return both;
}

async function publish(pane, text) {
  await pane.type('text', text);
  await pane.press('publish');
  // One request after the other: their order is then theirs.
  await pane.page.waitForFunction(
    (lines, wanted) => [...document.querySelectorAll(lines)].some((line) => line.textContent === wanted),
    { timeout: SEEN_MS },
    `${pane.at('log')} .out .text`,
    text,
  );
}

for (const name of engines) {
  describe(`gockets in ${name}`, () => {
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
    const visit = (body) => browser.visit(`${polysocket.origin}/pages/gockets`, body);

    for (const ways of [...PAIRS, ['events', 'poll']]) {
      test(`by ${ways.join(' and ')}: both get all, in order, once`, () =>
        visit(async (page, log) => {
          const both = await prepare(page, ways);
          const said = [0, 1, 2, 3, 4, 5].map((count) => `message ${count} €`);
          for (const [count, text] of said.entries()) await publish(both[count % 2], text);
          for (const pane of both) assert.deepEqual((await pane.got(6)).map(([, text]) => text), said);
          assert.deepEqual(log, []);
        }));
    }

    test('EventSource with nothing of ours, and a shell that publishes as the page says', () =>
      visit(async (page) => {
        const [left] = await prepare(page);
        const subscriber = await page.$eval('#subscriber', (element) => element.textContent);
        const lines = (await page.$eval('#curl', (element) => element.textContent)).split('\n');
        // A document without scripts, on the origin of the channel.
        await browser.visit(`${polysocket.origin}/pages/README.md`, async (plain) => {
          await plain.evaluate(async (path) => {
            window.got = [];
            const source = new EventSource(path);
            source.onmessage = ({ data, lastEventId }) => window.got.push([data, lastEventId]);
            await new Promise((resolve, reject) => {
              source.addEventListener('subscribed', resolve);
              source.onerror = reject;
            });
          }, `/channel/subscribe/${subscriber}`);
          const shell = lines.find((line) => line.includes('/channel/publish/') && line.includes('hello from a shell'));
          const { stdout } = await promisify(execFile)('sh', ['-c', shell]);
          assert.deepEqual(JSON.parse(stdout), { type: 'INF', message: 'Successfully pushed data to subscriber' });
          await publish(left, 'from the page');
          await plain.waitForFunction(() => window.got.length === 2, { timeout: SEEN_MS });
          const got = await plain.evaluate(() => window.got);
          assert.deepEqual(got.map(([data]) => data), ['hello from a shell', 'from the page']);
          assert.match(got[1][1], /^[^:]+:2$/);
        });
        assert.deepEqual((await left.got(2)).map(([, text]) => text), ['hello from a shell', 'from the page']);
      }));

    test('an EventSource that was cut off is given what it missed, once', () =>
      withAll(async (use) => {
        const ask = async (path, body) => (await fetch(polysocket.origin + path, { method: 'POST', body })).json();
        const { publisher_key: publisher, subscriber_key: subscriber } = await ask('/channel/prepare');
        const gate = use(await startGate(polysocket.port));
        await browser.visit(`${gate.origin}/pages/README.md`, async (page) => {
          await page.evaluate((path) => {
            window.got = [];
            const source = new EventSource(path);
            for (const type of ['subscribed', 'message', 'gap']) source.addEventListener(type, ({ data }) => window.got.push(data));
          }, `/channel/subscribe/${subscriber}`);
          const untilGot = async (count) => {
            await page.waitForFunction((wanted) => window.got.length >= wanted, { timeout: SEEN_MS }, count);
            return page.evaluate(() => window.got);
          };
          await untilGot(1);
          await ask(`/channel/publish/${publisher}`, 'before');
          await untilGot(2);
          gate.shut();
          for (const text of ['missed', 'missed as well']) await ask(`/channel/publish/${publisher}`, text);
          gate.open();
          assert.deepEqual(await untilGot(5), ['{"recovered":null}', 'before', '{"recovered":true}', 'missed', 'missed as well']);
          await ask(`/channel/publish/${publisher}`, 'after');
          assert.deepEqual((await untilGot(6)).slice(5), ['after']);
        });
      }));

    test('what is said goes to the hook; dead letters are shown, sent again and dropped', () =>
      withAll(async (use) => {
        const hook = use(await startHook());
        await visit(async (page) => {
          await page.waitForSelector('.pane', { timeout: SEEN_MS });
          await page.click('#signed');
          const [left, right] = await prepare(page, ['native', 'poll'], hook.url);
          assert.match(await page.$eval('#secret', (element) => element.textContent), /^whsec_/);
          await right.type('text', 'taken');
          await right.press('hook');
          await hook.until(1);
          await untilText(page, '#hook-waits', /^nothing$/);
          hook.status = 400;
          await left.type('text', 'refused');
          await left.press('hook');
          await untilText(page, '#hook-dead', /^1$/);
          assert.match(await page.$eval('#letters', (list) => list.textContent), /refused.*message, 1 attempt.*400/);
          hook.status = 200;
          await page.click('#retry');
          await hook.until(3);
          await untilText(page, '#hook-says', /queued again: 1/);
          await untilText(page, '#hook-dead', /^0$/);
          await untilText(page, '#hook-waits', /^nothing$/);
          const [first, second, third] = hook.posted;
          assert.deepEqual(hook.posted.map(([, body]) => body), ['taken', 'refused', 'refused']);
          assert.notEqual(first[0], second[0]);
          assert.equal(second[0], third[0]);
          assert.match(third[2], /^v1,/);

          hook.status = 400;
          await left.type('text', 'dropped');
          await left.press('hook');
          await untilText(page, '#hook-dead', /^1$/);
          await page.click('#drop');
          await untilText(page, '#hook-dead', /^0$/);
          assert.equal(await page.$eval('#letters', (list) => list.children.length), 0);
        });
      }));

    test('a hook is changed; a deleted channel is gone for all', () =>
      withAll(async (use) => {
        const hook = use(await startHook());
        await visit(async (page) => {
          const [left, right] = await prepare(page, ['events', 'sse']);
          assert.equal(await page.$eval('#hook-to', (element) => element.textContent), 'nowhere');
          assert.equal(await page.$eval(left.at('hook'), (button) => button.disabled), true, 'an EventSource can say nothing');
          await page.$eval('#hook', (input, value) => (input.value = value), hook.url);
          await page.click('#edit');
          await untilText(page, '#hook-to', /\/hook$/);
          await page.click('#delete');
          await left.until('closed');
          await right.until('closed');
          assert.match(await left.untilError(), /deleted/);
          assert.match(await right.untilError(), /channel closed/);
          await page.click(left.at('toggle'));
          assert.match(await left.untilError(), /no channel to listen to/);
        });
      }));

    test('errors are said in words', () =>
      visit(async (page) => {
        await page.waitForSelector('.pane', { timeout: SEEN_MS });
        await page.$eval('#hook', (input) => (input.value = 'ftp://elsewhere/'));
        await page.click('#settings [type=submit]');
        await untilText(page, '#error', /“Invalid hook url”/);
        await page.$eval('#hook', (input) => (input.value = 'http://10.1.2.3/'));
        await page.click('#settings [type=submit]');
        await untilText(page, '#error', /“Hook url not allowed”/);
        await browser.visit(`http://other.localhost:${polysocket.port}/pages/gockets`, async (other) => {
          await other.waitForSelector('.pane', { timeout: SEEN_MS });
          await other.click('#settings [type=submit]');
          await untilText(other, '#error', /administered from its own machine only.*Unauthorized/);
        });
      }));

    test('by keyboard, with names, in a narrow window', () =>
      visit(async (page) => {
        const [left, right] = await prepare(page);
        await page.focus(left.at('text'));
        await page.keyboard.type(' by keys');
        await page.keyboard.press('Enter');
        const [[, text]] = await right.got(1);
        assert.match(text, /by keys/);
        assert.deepEqual(await shortcomings(page), { nameless: [], wider: 0 });
      }));

    test('alone on its own listener: by the browser’s own and by EventSource', () =>
      withAll(async (use) => {
        const hub = use(await startHub(true));
        await browser.visit(`${hub.gockets}/pages/gockets`, async (page, log) => {
          const both = await prepare(page, ['native', 'events']);
          await publish(both[0], 'to both');
          for (const pane of both) assert.deepEqual((await pane.got(1)).map(([, text]) => text), ['to both']);
          assert.deepEqual(await page.$$eval('.top a[href]', (all) => all.map((link) => link.pathname)), ['/pages/gockets']);
          assert.deepEqual(await page.$$eval(`${both[0].at('way')} option`, (all) => all.map(({ value }) => value)), ['native', 'events']);
          assert.deepEqual(log, []);
        });
      }));
  });
}
