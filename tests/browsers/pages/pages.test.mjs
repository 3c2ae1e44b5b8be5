// The pages of `polysocket dev`, in a browser: the demo at `/` and the doctor at `/doctor`.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import { parse } from 'acorn';
import { launch, startPolysocket, startUpstream, withAll } from '../harness/index.mjs';
import { zoo } from '../middlebox/zoo.mjs';
import { startBehind } from './dev.mjs';

const TRANSPORTS = ['websocket', 'relay', 'stream', 'sse', 'poll', 'jsonp'];
/** The doctor is patient with what does not answer. */
const DOCTOR_MS = 90_000;
const DEMO_MS = 30_000;

let engine;
before(async () => {
  engine = await launch('chromium');
});
after(() => engine?.stop());

/** Opens a page for `body(page, log)`; `log` is its console, where violations of its policy are as well. */
async function visit(url, body) {
  const log = [];
  const tab = await engine.open(url, { onConsole: (line) => log.push(line) });
  try {
    return await body(tab.page, log);
  } catch (error) {
    error.message += `\nthe page's console:\n${log.join('\n')}`;
    throw error;
  } finally {
    await tab.close();
  }
}

/** What the doctor found: `{ headline, advice, results: { name: [state, words] }, report }`. */
async function examined(url) {
  return visit(url, async (page) => {
    await page.waitForSelector('[data-done=true]', { timeout: DOCTOR_MS });
    return page.evaluate((names) => {
      const text = (id) => document.getElementById(id).textContent;
      const row = (name) => document.getElementById(`row-${name}`);
      const results = names.map((name) => [name, [row(name).className, row(name).querySelector('.in-words').textContent]]);
      return {
        headline: text('headline'),
        advice: text('advice'),
        results: Object.fromEntries(results),
        report: document.getElementById('report').value,
      };
    }, TRANSPORTS);
  });
}

const untilEchoed = (page, names) =>
  page.waitForFunction(
    (all) => all.every((name) => document.querySelector(`[data-name=${name}]`)?.dataset.echoed > 1),
    { timeout: DEMO_MS },
    names,
  );

const part = (page, selector, name) => page.$eval(`${selector} [data-part=${name}]`, (element) => element.textContent);

describe('demo', () => {
  test('the same conversation over all six, and the client chooses the browser’s own', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      await visit(origin, async (page, log) => {
        await untilEchoed(page, TRANSPORTS);
        for (const name of TRANSPORTS) {
          assert.equal(await page.$eval(`[data-name=${name}]`, (card) => card.dataset.transport), name);
        }
        await page.waitForFunction(() => document.querySelector('#automatic').dataset.state === 'open');
        assert.equal(await part(page, '#automatic', 'chosen'), 'websocket');
        await page.$eval('#message', (input) => (input.value = 'to all of them: €'));
        await page.click('#controls [type=submit]');
        await page.waitForFunction(
          () => [...document.querySelectorAll('.log')].every((log) => log.querySelector('.in')?.textContent.startsWith('to all of them: €')),
          { timeout: DEMO_MS },
        );
        assert.deepEqual(log, []);
      });
    }));

  test('in a chat each hears all of them', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      await visit(origin, async (page) => {
        await untilEchoed(page, TRANSPORTS);
        await page.click('[name=target][value=chat] + span');
        await page.waitForFunction(() => document.querySelectorAll('.card[data-state=open]').length === 6, { timeout: DEMO_MS });
        await untilEchoed(page, TRANSPORTS);
        await page.$eval('#message', (input) => (input.value = 'hello, room'));
        await page.click('#controls [type=submit]');
        await page.waitForFunction(
          (names) =>
            [...document.querySelectorAll('.log')].every((log) => {
              const heard = [...log.querySelectorAll('.in')].map((line) => line.textContent);
              return names.every((name) => heard.some((line) => line.startsWith(`${name}: hello, room`)));
            }),
          { timeout: DEMO_MS },
          TRANSPORTS,
        );
      });
    }));

  test('another target: one that may not be, one that is not there, one that is', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      const upstream = use(await startUpstream());
      await visit(origin, async (page) => {
        await untilEchoed(page, ['websocket']);
        await page.click('[name=target][value=other] + span');
        const use = async (url, expected) => {
          await page.$eval('#url', (input, value) => (input.value = value), url);
          await page.click('#use-url');
          const shown = await page.waitForFunction(
            (says) => {
              const text = document.getElementById(says).textContent;
              return document.getElementById('use-url').disabled ? false : text;
            },
            { timeout: DEMO_MS },
            expected.error ? 'target-error' : 'target-says',
          );
          assert.match(await shown.jsonValue(), expected.error ?? expected.says);
        };
        await use('http://example.com/', { error: /begins with ws/ });
        await use('ws://10.1.2.3/', { error: /does not allow that target.*“forbidden: / });
        await use(upstream.url('/refuse?status=403'), { error: /refused the connection.*“upstream-refused/ });
        await use(upstream.url('/echo'), { says: /\/echo, which is not ours/ });
        assert.equal(await page.$eval('#target-error', (element) => element.textContent), '');
        await page.waitForFunction(() => document.querySelectorAll('.card[data-state=open]').length === 6, { timeout: DEMO_MS });
        assert.equal(await page.$eval('#pace', (select) => select.value), 'off');
        await page.click('#controls [type=submit]');
        await page.waitForFunction(
          () => [...document.querySelectorAll('.card')].every((card) => card.dataset.echoed === '1'),
          { timeout: DEMO_MS },
        );
      });
    }));

  test('the hash to copy is that of the client it serves', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      const script = await (await fetch(`${origin}/polysocket.js`)).arrayBuffer();
      const hash = `sha384-${createHash('sha384').update(Buffer.from(script)).digest('base64')}`;
      await visit(origin, async (page) => {
        await page.waitForFunction(() => document.getElementById('snippet-tag').textContent, { timeout: DEMO_MS });
        const tag = await page.$eval('#snippet-tag', (element) => element.textContent);
        assert.ok(tag.includes(`integrity="${hash}"`), tag);
        assert.ok(tag.includes(`src="${origin}/polysocket.js"`), tag);
      });
    }));

  test('where WebSockets open and stay mute, the client goes another way and says why', () =>
    withAll(async (use) => {
      const { origin, box } = await startBehind(use, 'opens, then mute');
      await visit(origin, async (page) => {
        await untilEchoed(page, ['stream', 'sse', 'poll', 'jsonp']);
        await page.waitForFunction(() => document.querySelector('[data-name=websocket]').dataset.state === 'mute', { timeout: DEMO_MS });
        await page.waitForFunction(() => document.querySelector('#automatic').dataset.state === 'open', { timeout: DEMO_MS });
        const chosen = await part(page, '#automatic', 'chosen');
        assert.ok(['stream', 'sse', 'poll'].includes(chosen), chosen);
        assert.match(await part(page, '#automatic', 'reason'), /^mute .*nothing came through/);
        assert.ok(box.counts.get(zoo['opens, then mute'].happened) > 0);
      });
    }));
});

describe('doctor', () => {
  test('six of six where nothing is in the way', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      const found = await examined(`${origin}/doctor`);
      for (const name of TRANSPORTS) assert.equal(found.results[name][0], 'ok', JSON.stringify(found));
      assert.match(found.headline, /6 of 6/);
      for (const name of TRANSPORTS) assert.match(found.report, new RegExp(`^${name} +ok +\\d+ ms +\\d+ ms`, 'm'));
    }));

  const SOCKETS = ['websocket', 'relay'];
  const CASES = {
    'upgrade answered 403': { fails: SOCKETS, says: /refused, although the server is there/ },
    'upgrade hangs': { fails: SOCKETS, says: /never answered/ },
    'opens, then mute': { fails: SOCKETS, says: /opened but nothing comes through/ },
    'streams held back': { fails: ['stream', 'sse'], says: /held back until they are complete/ },
    'CORS stripped': { fails: ['stream', 'sse', 'poll'], says: /removes their CORS headers/ },
  };
  for (const [name, { fails, says }] of Object.entries(CASES)) {
    test(`${name}: it says so`, () =>
      withAll(async (use) => {
        const { box, origin } = await startBehind(use, name);
        const found = await examined(`${origin}/doctor`);
        const shown = JSON.stringify(found, null, 1);
        assert.ok(box.counts.get(zoo[name].happened) > 0, shown);
        for (const one of fails) {
          assert.equal(found.results[one][0], 'failed', shown);
          assert.match(found.results[one][1], says, shown);
        }
        assert.match(found.headline, /^Pages work here, without WebSockets/, shown);
        // What the first and the last transport need is there in all of these.
        assert.equal(found.results.jsonp[0], 'ok', shown);
      }));
  }

  test('its scripts are ES3', () =>
    withAll(async (use) => {
      const { origin } = use(await startPolysocket());
      const page = await (await fetch(`${origin}/doctor`)).text();
      const scripts = [...page.matchAll(/<script src="([^"]+)"/g)].map(([, path]) => path);
      assert.ok(scripts.length > 5);
      for (const path of scripts) {
        const text = await (await fetch(origin + path)).text();
        assert.doesNotThrow(() => parse(text, { ecmaVersion: 3, allowReserved: 'never' }), path);
      }
    }));
});
