// The page of Pogo, in browsers: beside the others and over an API in `polysocket dev`, and alone on its own listener.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test, { after, before, describe } from 'node:test';
import { promisify } from 'node:util';
import { startPolysocket, withAll } from '../harness/index.mjs';
import { startGate } from './gate.mjs';
import { EACH_ONCE, engines, panes, SEEN_MS, settle, shortcomings, startBrowser, startHub, untilText } from './hub.mjs';

/** Both panes at `path`, by `ways`, with what is there in them. */
async function bind(page, path, ways = ['native', 'native']) {
  const both = panes(page);
  await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
  // The page has connected them by what it chose. An attempt that is given up is told on the console.
  await both[0].until('open', 'native');
  await both[1].until('open', 'automatic');
  // And they show where they began, which would else come into the log when that has been emptied.
  for (const pane of both) await untilText(page, pane.at('document'), /^[{[]/);
  for (const [index, pane] of both.entries()) {
    await page.$eval(pane.at('way'), (select, way) => (select.value = way), ways[index]);
    await page.$eval(pane.at('log'), (log) => log.querySelector('ol').replaceChildren());
  }
  await settle(page, { path, channel: `channel-of-${path}` });
  for (const [index, pane] of both.entries()) {
    await pane.until('open', ways[index]);
    await untilText(page, pane.at('document'), /^[{[]/);
  }
  return both;
}

async function write(pane, verb, data, path) {
  const set = (part, text) => pane.page.$eval(pane.at(part), (input, value) => (input.value = value), text);
  if (path) await set('path', path);
  if (data !== undefined) await set('data', typeof data === 'string' ? data : JSON.stringify(data));
  await pane.press(verb);
}

const documents = async (pane, count) => (await pane.got(count)).map(([, text]) => JSON.parse(text));

for (const name of engines) {
  describe(`pogo in ${name}`, () => {
    let browser;
    let polysocket;
    before(async () => {
      polysocket = await startPolysocket({ set: { 'pogo.poll_every': '1s' } });
      browser = await startBrowser(name, polysocket);
    });
    after(async () => {
      await browser?.stop();
      await polysocket?.stop();
    });
    const visit = (body) => browser.visit(`${polysocket.origin}/pages/pogo`, body);
    const ask = (method, path, body) =>
      fetch(`${polysocket.origin}/api${path}`, { method, body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
    /** A new post: `{ id, path }`. */
    const make = async () => {
      const { id } = await (await ask('POST', '/posts', { n: 0 })).json();
      return { id, path: `/posts/${id}` };
    };

    for (const ways of EACH_ONCE) {
      test(`by ${ways.join(' and ')}: both see all, in order, once`, () =>
        visit(async (page, log) => {
          const { id, path } = await make();
          const both = await bind(page, path, ways);
          // States, not events: the next is written when both have seen the one before.
          for (let n = 1; n <= 4; n += 1) {
            await write(both[n % 2], 'put', { n });
            for (const pane of both) await untilText(page, `${pane.at('document')} mark`, new RegExp(`"n": ${n}`));
          }
          for (const pane of both) assert.deepEqual(await documents(pane, 5), [0, 1, 2, 3, 4].map((n) => ({ id, n })));
          const [labels, others] = await Promise.all(both.map(async (pane) => (await pane.got(5)).map(([label]) => label)));
          assert.deepEqual(labels, others);
          assert.deepEqual(labels, [1, 2, 3, 4, 5].map((seq) => `#${seq}`));
          assert.deepEqual(log, []);
        }));
    }

    test('what changed is marked, and what is gone is said', () =>
      visit(async (page) => {
        const { id, path } = await make();
        const [left, right] = await bind(page, path);
        await write(left, 'put', { tags: ['a', { b: 1 }], title: '<b>' });
        await untilText(page, `${right.at('document')} ins`, /tags/);
        const marks = await page.$eval(right.at('document'), (element) =>
          [...element.children].map(({ localName, textContent }) => [localName, textContent.trim()]),
        );
        assert.deepEqual(marks, [
          ['span', '{'],
          ['span', `"id": ${id},`],
          ['ins', '"tags": ['],
          ['ins', '"a",'],
          ['ins', '{'],
          ['ins', '"b": 1'],
          ['ins', '}'],
          ['ins', '],'],
          ['ins', '"title": "<b>"'],
          ['del', '"n": 0'],
          ['span', '}'],
        ]);
        assert.equal((await right.got(2))[1][2], 'tags added, title added, n removed');
        await write(right, 'delete');
        for (const pane of [left, right]) {
          await untilText(page, pane.at('document'), /There is nothing \(410\)/);
          assert.equal((await pane.got(3))[2][1], 'gone');
        }
        // The collection, by the pane that is bound elsewhere, and a state that is a list.
        await write(left, 'post', { n: 7 }, '/posts');
        await left.untilSaid('/posts 201');
      }));

    test('a list is bound, and its items are known by their ids', () =>
      visit(async (page) => {
        await ask('POST', '/lists', { n: 1 });
        const [left] = await bind(page, '/lists');
        await write(left, 'post', { n: 2 });
        await untilText(page, left.at('document'), /"n": 2/);
        await write(left, 'delete', undefined, '/lists/1');
        await untilText(page, `${left.at('document')} del`, /\{/);
        assert.deepEqual((await left.got(3)).map(([, , remark]) => remark), ['', 'id 2 added', 'id 1 removed']);
      }));

    test('a change behind its back is found by polling', () =>
      visit(async (page, log) => {
        const { id, path } = await make();
        const [left, right] = await bind(page, path, ['native', 'poll']);
        await page.$eval('#behind-data', (input) => (input.value = '{"n":"behind"}'));
        await page.click('#behind-put');
        await untilText(page, '#behind-says', /answered 200 .* told nobody/);
        for (const pane of [left, right]) assert.deepEqual((await documents(pane, 2))[1], { id, n: 'behind' });
        await untilText(page, '#behind-found', /^Seen: (Left|Right) after \d\.\d s, (Left|Right) after \d\.\d s\.$/);
        assert.deepEqual(log, []);
        await page.$eval('#behind-path', (input) => (input.value = '/posts/4000000'));
        await page.click('#behind-put');
        await untilText(page, '#behind-error', /The API answered 404/);
      }));

    test('EventSource watches beside a WebSocket, and cannot write', () =>
      visit(async (page, log) => {
        const { id, path } = await make();
        const [left, right] = await bind(page, path, ['events', 'sse']);
        await write(right, 'put', { n: 1 });
        assert.deepEqual(await documents(left, 2), [{ id, n: 0 }, { id, n: 1 }]);
        await untilText(page, left.at('version'), /^[0-9a-f]{32}$/);
        assert.equal(await left.text('version'), await right.text('version'));
        await write(left, 'put', { n: 2 });
        assert.match(await left.untilError(), /can only watch/);
        await write(right, 'delete');
        await untilText(page, left.at('document'), /There is nothing \(410\)/);
        await write(right, 'put', { n: 3 });
        assert.match(await right.untilError(), /nothing at this path.*not_found/);
        assert.deepEqual(log, []);
      }));

    test('an EventSource that was cut off comes back with what it has', () =>
      withAll(async (use) => {
        const { id, path } = await make();
        const gate = use(await startGate(polysocket.port));
        await browser.visit(`${gate.origin}/pages/pogo`, async (page) => {
          const [left] = await bind(page, path, ['events', 'events']);
          gate.shut();
          await left.until('connecting');
          const untilStreams = (count) => polysocket.untilMetric('polysocket_pogo_event_streams', (streams) => streams === count, SEEN_MS);
          await untilStreams(0);
          gate.open();
          // Not until its `open`: Firefox tells that with the first byte of the body.
          await untilStreams(2);
          await ask('PUT', path, { n: 1 });
          assert.deepEqual(await documents(left, 2), [0, 1].map((n) => ({ id, n })), 'what it had is not sent again');
        });
      }));

    test('a channel: all others hear', () =>
      visit(async (page) => {
        const { path } = await make();
        const [left, right] = await bind(page, path, ['native', 'stream']);
        await left.untilSaid('in the channel');
        await right.untilSaid('in the channel');
        await left.type('event', 'cursor');
        await left.type('data', 'over there');
        await left.press('emit');
        await right.untilSaid(`channel-of-${path} cursor "over there"`);
        await left.untilSaid('cursor "over there" done');
        assert.equal(await page.$$eval(`${left.at('log')} .heard`, (all) => all.length), 0);
      }));

    test('lines for a shell do what they say', () =>
      visit(async (page) => {
        const { id, path } = await make();
        const [left] = await bind(page, path);
        const lines = (await page.$eval('#curl', (element) => element.textContent)).split('\n');
        const run = async (line) => (await promisify(execFile)('sh', ['-c', line])).stdout;
        const put = lines.find((line) => line.includes('from a shell'));
        assert.deepEqual(JSON.parse(await run(put)), { id, title: 'from a shell' });
        assert.deepEqual((await documents(left, 2))[1], { id, title: 'from a shell' });
        const get = lines.find((line) => line.startsWith('curl ') && !line.includes('-N') && !line.includes('PUT'));
        assert.deepEqual(JSON.parse(await run(get)), { id, title: 'from a shell' });
        const watch = lines.find((line) => line.includes('-N')).replace('curl', 'curl -sS --max-time 1');
        const stream = await run(`${watch} || true`);
        assert.match(stream, /^:\n\nid: [0-9a-f]{32}\ndata: \{.*from a shell.*\}\n\n$/);
      }));

    test('errors are said in words', () =>
      visit(async (page) => {
        const { path } = await make();
        const [left, right] = await bind(page, path);
        await write(left, 'put', 'no json');
        assert.match(await left.untilError(), /is JSON, and this is none/);
        await write(left, 'put', '5');
        assert.match(await left.untilError(), /does not take this.*unprocessable/s);
        await right.disconnect();
        await write(right, 'put', {});
        assert.match(await right.untilError(), /not connected/);
        await settle(page, { path: '/posts/../secret' });
        assert.match(await left.untilError(), /Pogo or the API behind it cannot.*bad_request/s);
      }));

    test('by keyboard, with names, in a narrow window', () =>
      visit(async (page) => {
        const { id, path } = await make();
        const [left, right] = await bind(page, path);
        await page.$eval(left.at('data'), (input) => (input.value = ''));
        await page.focus(left.at('data'));
        await page.keyboard.type('{"by":"keys"}');
        await page.keyboard.press('Enter');
        assert.deepEqual((await documents(right, 2))[1], { id, by: 'keys' });
        assert.deepEqual(await shortcomings(page), { nameless: [], wider: 0 });
      }));

    test('alone on its own listener, where a token is wanted', () =>
      withAll(async (use) => {
        const api = `http://127.0.0.1:${polysocket.port}`;
        const token = 'a-token-of-the-test';
        const pogo = `upstream = "${api}/api"\nauth = "known"\nauth_required = true\ntokens = ["${token}"]`;
        const hub = use(await startHub(true, { pogo }, `[targets]\nallow_private = ["${api}"]`));
        await browser.visit(`${hub.pogo}/pages/pogo`, async (page, log) => {
          const [left, right] = panes(page);
          await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
          assert.match(await left.untilError(), /A token is wanted here.*unauthorized/s);
          await page.select(right.at('way'), 'events');
          assert.match(await right.untilError(), /A token is wanted here.*unauthorized/s);
          await settle(page, { token: 'another' });
          assert.match(await left.untilError(), /unauthorized|forbidden/);
          await settle(page, { token });
          await left.untilSaid('The token is taken, until');
          await untilText(page, left.at('document'), /"id": 1234/);
          assert.equal(await page.$eval('#behind', (element) => element.hidden), true, 'the API is elsewhere');
          assert.deepEqual(await page.$$eval('.top a[href]', (all) => all.map((link) => link.pathname)), ['/pages/pogo']);
          assert.deepEqual(await page.$$eval(`${left.at('way')} option`, (all) => all.map(({ value }) => value)), ['native', 'events']);
          assert.deepEqual(log.filter((line) => !/401|establish a connection/.test(line)), []);
        });
      }));
  });
}
