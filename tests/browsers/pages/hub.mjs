// What the tests of the hub's pages share: a hub on listeners of its own, and what a person does and sees in a pane.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../harness/child.mjs';
import { launch, MODERN, PROJECT } from '../harness/index.mjs';

export const SEEN_MS = 20_000;
const START_MS = 10_000;

/** Ways of the client, two and two: each pane goes by one. `native` is the browser's own. */
export const PAIRS = [
  ['native', 'sse'],
  ['automatic', 'poll'],
  ['relay', 'stream'],
  ['jsonp', 'native'],
];

/** The same for what takes longer: each way once, but for `automatic`, which is what pages begin with. */
export const EACH_ONCE = [
  ['native', 'sse'],
  ['poll', 'jsonp'],
  ['relay', 'stream'],
];

/** Engines that these pages are for. */
export const engines = process.env.ENGINES?.split(',').filter((name) => MODERN.includes(name)) ?? MODERN;

/**
 * `polysocket hub`, each protocol on a listener of its own: Rocket, Gockets, and those of `more`, `{ name: lines of its section }`.
 * `top` are other sections. Gives `{ rocket, gockets, stop }`, and more origins by name.
 */
export async function startHub(isWithPages, more = {}, top = '') {
  const folder = await mkdtemp(join(tmpdir(), 'polysocket-'));
  const listen = 'listen = ["127.0.0.1:0"]';
  const user = '[[rocket.hubs.users]]\nname = "frontend"\nsecret = ""\npermission = 3';
  const config = [
    `[hub]\npages = ${isWithPages}\nprotocols = ${JSON.stringify(['rocket', 'gockets', ...Object.keys(more)])}`,
    `[rocket]\n${listen}\n[[rocket.hubs]]\npath = "/"\n${user}`,
    `[gockets]\n${listen}\n[admin]\nlisten = "127.0.0.1:0"\n`,
    ...Object.entries(more).map(([name, lines]) => `[${name}]\n${listen}\n${lines}`),
    top,
  ];
  await writeFile(join(folder, 'hub.toml'), config.join('\n'));
  const program = process.env.POLYSOCKET_BIN ?? join(PROJECT, 'target/release/polysocket');
  const child = new Child(program, ['hub', '--config', join(folder, 'hub.toml')], { env: { POLYSOCKET_BIN: undefined } });
  const said = (what) => child.line((line) => line.startsWith(what) && line.slice(what.length).trim(), START_MS);
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const hub = { stop, log: () => child.lines.join('\n') };
    for (const name of ['rocket', 'gockets', ...Object.keys(more)]) hub[name] = await said(`${name} listening on `);
    return hub;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A page in an engine: `visit(url, body(page, log))`, whose log is its console, violations of its policy among it. */
export async function startBrowser(name, polysocket) {
  const engine = await launch(name);
  const visit = async (url, body) => {
    const log = [];
    const tab = await engine.open(url, { onConsole: (line) => log.push(line) });
    try {
      return await body(tab.page, log);
    } catch (error) {
      error.message += `\n${url}\nthe page's console:\n${log.join('\n')}\nthe program's last words:\n${polysocket.log().slice(-1000)}`;
      throw error;
    } finally {
      await tab.close();
    }
  };
  return { visit, stop: () => engine.stop() };
}

/** A pane of a page, `left` or `right`. */
export class Pane {
  constructor(page, name) {
    this.page = page;
    this.root = `[data-name=${name}]`;
  }

  at(part) {
    return `${this.root} [data-part=${part}]`;
  }

  async connect(way) {
    await this.page.waitForSelector(`${this.at('way')} option[value=${way}]`, { timeout: SEEN_MS });
    // Choosing what is chosen changes nothing, and so connects nothing.
    if ((await this.page.$eval(this.at('way'), (select) => select.value)) !== way) await this.page.select(this.at('way'), way);
    else if (/idle|closed|failed/.test(await this.state())) await this.page.click(this.at('toggle'));
    await this.until('open', way);
  }

  async disconnect() {
    await this.page.click(this.at('toggle'));
    await this.until('closed');
  }

  state() {
    return this.page.$eval(this.root, (pane) => pane.dataset.state);
  }

  /** Until its connection is in `state`, carried by what `way` says. */
  async until(state, way) {
    const by = { native: 'websocket', automatic: 'websocket', events: 'EventSource' }[way] ?? way;
    await this.page.waitForFunction(
      (root, wanted, transport) => {
        const { dataset } = document.querySelector(root);
        return dataset.state === wanted && (!transport || dataset.transport === transport);
      },
      { timeout: SEEN_MS },
      this.root,
      state,
      by,
    );
  }

  /** Its own line of the log that has `text`, when it is there. */
  async untilSaid(text) {
    await this.page.waitForFunction(
      (log, wanted) => document.querySelector(log).textContent.includes(wanted),
      { timeout: SEEN_MS },
      this.at('log'),
      text,
    );
  }

  async type(field, text) {
    await this.page.$eval(`${this.at('say')} [name=${field}]`, (input, value) => (input.value = value), text);
  }

  async press(part) {
    await this.page.click(this.at(part));
  }

  /** What it got: `[label, text, remark]` of each line, when there are `count` of them. */
  async got(count) {
    const lines = `${this.at('log')} .in`;
    await this.page.waitForFunction(
      (all, wanted) => document.querySelectorAll(all).length >= wanted,
      { timeout: SEEN_MS },
      lines,
      count,
    );
    return this.page.$$eval(lines, (all) =>
      all.map((line) => ['label', 'text', 'remark'].map((part) => line.querySelector(`.${part}`)?.textContent ?? '')),
    );
  }

  text(part) {
    return this.page.$eval(this.at(part), (element) => element.textContent);
  }

  /** What its error says, when it says something. */
  async untilError() {
    const shown = await this.page.waitForFunction((at) => document.querySelector(at).textContent, { timeout: SEEN_MS }, this.at('error'));
    return shown.jsonValue();
  }
}

export const panes = (page) => [new Pane(page, 'left'), new Pane(page, 'right')];

/** The text of an element, when it is as `pattern` says. */
export const untilText = (page, selector, pattern) =>
  page
    .waitForFunction(
      (at, source, flags) => new RegExp(source, flags).test(document.querySelector(at)?.textContent ?? ''),
      { timeout: SEEN_MS },
      selector,
      pattern.source,
      pattern.flags,
    )
    .then(() => page.$eval(selector, (element) => element.textContent));

/** Fills fields in, `{ id: text }`, and presses the button of the settings. */
export async function settle(page, fields) {
  await page.waitForSelector('.pane[data-name=right]', { timeout: SEEN_MS });
  for (const [id, text] of Object.entries(fields)) await page.$eval(`#${id}`, (input, value) => (input.value = value), text);
  await page.click('#settings [type=submit]');
}

/** Controls without a name, and whether the page is wider than a narrow window: what a look at it might not show. */
export async function shortcomings(page) {
  await page.setViewport({ width: 320, height: 640 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const nameless = await page.$$eval('input, select, button, textarea, a, [tabindex="0"]', (all) =>
    all
      .filter((one) => one.checkVisibility())
      .filter((one) => !(one.labels?.[0]?.textContent ?? one.getAttribute('aria-label') ?? one.textContent).trim())
      .map((one) => one.outerHTML),
  );
  return { nameless, wider: Math.max(width - 320, 0) };
}
