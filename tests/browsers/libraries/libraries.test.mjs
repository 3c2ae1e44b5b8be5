// Libraries that sit on WebSocket, with their own servers, neither of which knows of Polysocket: the page has no WebSocket of
// its own, and `PolySocket.install()` is all that is done about it. Each conversation is held natively, too, as the control.
//
// ENGINES, WAYS and LIBRARIES (names with commas) narrow it down.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, MODERN, run, startPages, startPolysocket, stopAll, withAll } from '../harness/index.mjs';
import { libraryPage } from './bundle.mjs';
import { CONVERSATIONS } from './conversations.mjs';

const WAYS = ['native', 'stream', 'sse', 'poll', 'jsonp'];
const RUN_MS = 60_000;

const chosen = (name, all) => process.env[name]?.split(',') ?? all;
const names = chosen('LIBRARIES', Object.keys(CONVERSATIONS));

for (const engineName of chosen('ENGINES', MODERN)) {
  describe(engineName, () => {
    const started = [];
    let engine, polysocket, pages;

    before(async () => {
      const use = (thing) => (started.push(thing), thing);
      const htmls = await Promise.all(names.map(async (name) => [`/${name}.html`, await libraryPage(name)]));
      pages = use(await startPages(Object.fromEntries(htmls)));
      polysocket = use(await startPolysocket());
      engine = use(await launch(engineName));
    });
    after(() => stopAll(started));

    for (const name of names) {
      for (const way of chosen('WAYS', WAYS)) {
        test(`${name}, ${way}`, () =>
          withAll(async (use) => {
            const server = use(await CONVERSATIONS[name].start());
            const query = { way, router: polysocket.origin, target: server.url };
            const checked = CONVERSATIONS[name].seen?.(server);
            const { value } = await run(engine, pages.visit(`/${name}.html`, { query }), { timeout: RUN_MS });
            CONVERSATIONS[name].check(value);
            await checked;
            // Who came is a browser, or a relay.
            assert.ok(server.handshakes.length > 0);
            for (const { 'user-agent': agent } of server.handshakes) {
              assert.equal(/^polysocket\//.test(agent), way !== 'native', `${agent} came`);
            }
          }));
      }
    }
  });
}
