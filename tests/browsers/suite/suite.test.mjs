// The behaviour suite in the browsers of today: in the window and in a worker, over every transport, with the browser's own
// WebSocket beside them as the control.
//
// ENGINES, SCOPES, TRANSPORTS (names with commas) and ONLY (a part of a case's name) narrow it down.

import { after, before, describe, test } from 'node:test';
import { launch, MODERN, startPages, startPolysocket, startUpstream, deadUrl, stopAll } from '../harness/index.mjs';
import { checkResults, runSuite, suitePages } from './run-suite.mjs';

const TRANSPORTS = ['native', 'default', 'websocket', 'relay', 'stream', 'sse', 'poll', 'jsonp'];
/** Needs the document. */
const NOT_IN_WORKERS = ['jsonp'];
/** Cases that run at the same time in a page: most of what they do is to wait. */
const TOGETHER = process.env.TOGETHER ?? 4;
/** Of 120 or so: what an engine without one of the words of `needs` loses. */
const CASES_MIN = 100;

const chosen = (name, all) => process.env[name]?.split(',') ?? all;

for (const name of chosen('ENGINES', MODERN)) {
  describe(name, () => {
    const started = [];
    let engine, settings, pages;

    before(async () => {
      const use = (thing) => (started.push(thing), thing);
      const polysocket = use(await startPolysocket());
      const upstream = use(await startUpstream());
      pages = use(await startPages(await suitePages()));
      settings = { router: polysocket.origin, upstream: upstream.url(''), dead: await deadUrl() };
      // Firefox waits before it connects again where a handshake failed, longer each time; the cases fail many.
      engine = use(await launch(name, { preferences: { 'network.websocket.delay-failed-reconnects': false } }));
    });
    after(() => stopAll(started));

    for (const scope of chosen('SCOPES', ['window', 'worker'])) {
      for (const transport of chosen('TRANSPORTS', TRANSPORTS)) {
        if (scope === 'worker' && NOT_IN_WORKERS.includes(transport)) continue;
        test(`${scope}, ${transport}`, async (context) => {
          const results = await runSuite(engine, pages, { ...settings, scope, transport, together: TOGETHER });
          checkResults(context, results, { engine: name, scope, transport, casesMin: CASES_MIN });
        });
      }
    }
  });
}
