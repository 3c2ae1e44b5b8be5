// The page of the bridge to PostgreSQL, in browsers, over a database of the test's own.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { startPolysocket, withAll } from '../harness/index.mjs';
import { startDatabase } from './database.mjs';
import { EACH_ONCE, engines, panes, SEEN_MS, settle, shortcomings, startBrowser, startHub, untilText } from './hub.mjs';

const SECRET = 'a secret of the test, which is long enough';

/** Signs a token in the page, which then is in its field. */
async function sign(page, { secret = SECRET, channels = 'chat', mode = 'rw', seconds = '' } = {}) {
  await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
  await page.$eval('#sign-more', (details) => (details.open = true));
  const before = await page.$eval('#token', (input) => (input.value = ''));
  const fields = { secret, 'sign-channels': channels, 'sign-seconds': seconds };
  for (const [id, text] of Object.entries(fields)) await page.$eval(`#${id}`, (input, value) => (input.value = value), text);
  await page.select('#sign-mode', mode);
  await page.click('#sign-now');
  await page.waitForFunction((was) => document.querySelector('#token').value !== was, { timeout: SEEN_MS }, before);
}

/** Both panes in `channel`, by `ways`. */
async function enter(page, channel, ways = ['native', 'native']) {
  await sign(page, { channels: channel });
  const both = panes(page);
  for (const [index, pane] of both.entries()) await page.$eval(pane.at('way'), (select, way) => (select.value = way), ways[index]);
  await settle(page, { channel });
  for (const [index, pane] of both.entries()) await pane.until('open', ways[index]);
  return both;
}

async function say(pane, text) {
  await pane.type('text', text);
  await pane.press('send');
}

const texts = async (pane, count) => (await pane.got(count)).map(([, text]) => text);

for (const name of engines) {
  describe(`postgres in ${name}`, () => {
    let database;
    let seed;
    let current;
    let browser;
    before(async () => {
      database = await startDatabase();
      const dev = (wire) =>
        startPolysocket({ args: ['--postgres', database.url], set: { 'postgres.wire': wire, 'postgres.jwt_secret': SECRET } });
      [seed, current] = await Promise.all([dev('seed'), dev('current')]);
      browser = await startBrowser(name, seed);
    });
    after(async () => {
      await browser?.stop();
      await Promise.all([seed?.stop(), current?.stop()]);
      await database?.stop();
    });
    const visit = (body, { origin } = seed) => browser.visit(`${origin}/pages/postgres`, body);

    for (const ways of EACH_ONCE) {
      test(`by ${ways.join(' and ')}: both hear all, in the same order, once`, () =>
        visit(async (page, log) => {
          const both = await enter(page, `pair ${ways.join('-')}`, ways);
          // Not waiting for one another.
          for (let count = 0; count < 8; count += 1) await say(both[count % 2], `message ${count} €`);
          const [left, right] = await Promise.all(both.map((pane) => texts(pane, 8)));
          assert.deepEqual(left, right);
          for (const parity of [0, 1]) {
            const mine = left.filter((text) => Number(text.split(' ')[1]) % 2 === parity);
            assert.deepEqual(mine, [0, 2, 4, 6].map((count) => `message ${count + parity} €`));
          }
          assert.deepEqual(log, []);
        }));
    }

    test('the statements for psql are heard, in each form as it comes', () =>
      visit(async (page) => {
        const both = await enter(page, 'chat', ['native', 'poll']);
        await database.paste(await page.$eval('#sql', (element) => element.textContent));
        for (const pane of both) {
          assert.deepEqual(await pane.got(3), [
            ['as notified', 'hello from psql', ''],
            ['seed', 'hello in the form of 2016', 'by psql'],
            ['current chat', 'hello in the form of now', ''],
          ]);
          const frames = await page.$$eval(`${pane.at('frames')} .in .text`, (all) => all.map((line) => line.textContent));
          assert.equal(frames[0], 'hello from psql');
          assert.deepEqual(JSON.parse(frames[1]), { userClaims: { sub: 'psql' }, payload: 'hello in the form of 2016' });
          assert.deepEqual(JSON.parse(frames[2]), { event: 'WebsocketMessage', channel: 'chat', payload: 'hello in the form of now' });
          assert.equal(await pane.text('heard'), '1 as notified, 1 seed, 1 current');
        }
      }));

    test('the form of now', () =>
      visit(async (page) => {
        const [left, right] = await enter(page, 'a "b"', ['sse', 'native']);
        await say(left, 'Hi!');
        for (const pane of [left, right]) assert.deepEqual(await pane.got(1), [['current a "b"', 'Hi!', '']]);
        const statements = await page.$eval('#sql', (element) => element.textContent);
        assert.match(statements, /^NOTIFY "postgres-websockets-listener"/);
        await database.paste(statements);
        assert.equal((await texts(right, 2))[1], 'hello in the form of now');
      }, current));

    test('the token goes as a subprotocol, in the address, or as a message', () =>
      visit(async (page, log) => {
        const [left, right] = await enter(page, 'tokens');
        for (const [index, by] of ['address', 'message', 'protocol'].entries()) {
          await page.select('#token-in', by);
          await settle(page, {});
          for (const pane of [left, right]) await pane.until('open');
          // A token by message is judged after the opening: until it is, nothing is heard.
          await say(right, `by ${by}`);
          await right.untilSaid(`by ${by}`);
          assert.equal((await texts(right, index + 1)).at(-1), `by ${by}`);
        }
        assert.deepEqual(log, []);
      }));

    test('gaps are said: what was cut off hears again', () =>
      visit(async (page) => {
        const both = await enter(page, 'gap', ['native', 'stream']);
        await database.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'polysocket %'");
        for (const pane of both) await pane.untilSaid('Something may have been missed in gap');
        await say(both[0], 'after it');
        for (const pane of both) assert.deepEqual(await texts(pane, 1), ['after it']);
      }));

    test('errors are events in words, and the connection stays', () =>
      visit(async (page) => {
        const [left] = await enter(page, 'errors');
        await say(left, 'x'.repeat(8100));
        assert.match(await left.untilError(), /longer than a notification can be.*message too large: \d+ > 7999 bytes/s);
        await sign(page, { channels: 'errors', mode: 'r' });
        await settle(page, {});
        await left.until('open');
        await untilText(page, '#claims', /^The token allows to hear, in errors\.$/);
        await say(left, 'not allowed');
        assert.match(await left.untilError(), /may only hear.*this token may not send/s);
        assert.equal(await left.state(), 'open');
      }));

    test('why it was refused is found out', () =>
      visit(async (page) => {
        await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
        const [left, right] = panes(page);
        await page.select(right.at('way'), 'poll');
        await settle(page, {});
        assert.match(await left.untilError(), /no token to open it with/);
        for (const [token, fields, words] of [
          [{ secret: 'another secret, and as long as the first' }, { channel: 'chat' }, /signed by somebody else/],
          [{ channels: 'elsewhere' }, { channel: 'chat' }, /does not open this channel.*No allowed channels/s],
          [{ seconds: '-5' }, { channel: 'chat' }, /has ended.*Token expired/s],
        ]) {
          await sign(page, token);
          await settle(page, fields);
          for (const pane of [left, right]) {
            await pane.until('failed');
            assert.match(await pane.untilError(), words);
          }
        }
      }));

    test('a token that ends closes what it opened', () =>
      visit(async (page) => {
        await sign(page, { channels: 'short', seconds: '2' });
        await settle(page, { channel: 'short' });
        for (const pane of panes(page)) {
          await pane.until('closed');
          assert.match(await pane.untilError(), /The token has ended, and the connection with it \(3001\)/);
        }
      }));

    test('what `polysocket dev` says opens it, pasted or behind the page’s address', () =>
      withAll(async (use) => {
        const dev = use(await startPolysocket({ args: ['--postgres', database.url] }));
        const said = await dev.child.line((line) => line.match(/ws:\/\/\S+\/postgres\/\S+/)?.[0], SEEN_MS);
        await browser.visit(`${dev.origin}/pages/postgres`, async (page) => {
          await settle(page, { token: said });
          const [left, right] = panes(page);
          for (const pane of [left, right]) await pane.until('open');
          await say(left, 'opened');
          assert.deepEqual(await texts(right, 1), ['opened']);
        });
        await browser.visit(`${dev.origin}/pages/postgres#${said.split('/').pop()}`, async (page) => {
          await page.waitForSelector('[data-name=right][data-state=open]', { timeout: SEEN_MS });
        });
      }));

    test('by keyboard, with names, in a narrow window', () =>
      visit(async (page) => {
        const [left, right] = await enter(page, 'keys');
        await page.focus(left.at('text'));
        await page.keyboard.type(' by keys');
        await page.keyboard.press('Enter');
        assert.match((await texts(right, 1))[0], /by keys/);
        assert.deepEqual(await shortcomings(page), { nameless: [], wider: 0 });
      }));

    test('alone on its own listener', () =>
      withAll(async (use) => {
        const hub = use(await startHub(true, { postgres: `url = "${database.url}"\njwt_secret = "${SECRET}"` }));
        await browser.visit(`${hub.postgres}/pages/postgres`, async (page, log) => {
          const [left, right] = await enter(page, 'alone');
          await say(left, 'to both');
          for (const pane of [left, right]) assert.deepEqual(await texts(pane, 1), ['to both']);
          assert.deepEqual(await page.$$eval('.top a[href]', (all) => all.map((link) => link.pathname)), ['/pages/postgres']);
          assert.deepEqual(await page.$$eval(`${left.at('way')} option`, (all) => all.map(({ value }) => value)), ['native']);
          assert.deepEqual(log, []);
        });
      }));

    test('without a database there is no page, and no link to one', () =>
      withAll(async (use) => {
        const dev = use(await startPolysocket());
        assert.equal((await fetch(`${dev.origin}/pages/postgres`)).status, 404);
        const linksOf = (html) => [...html.matchAll(/<a href="([^"]*)"/g)].map(([, path]) => path);
        const heads = await Promise.all(['/', '/doctor'].map(async (path) => linksOf(await (await fetch(dev.origin + path)).text())));
        await browser.visit(`${dev.origin}/pages/rocket`, async (page) => {
          await page.waitForSelector('.pane', { timeout: SEEN_MS });
          heads.push(await page.$$eval('.top a[href]', (all) => all.map((link) => link.pathname)));
        });
        for (const links of heads) {
          assert.ok(links.includes('/pages/pogo'));
          for (const link of links) assert.ok((await fetch(dev.origin + link)).ok, link);
        }
      }));
  });
}
