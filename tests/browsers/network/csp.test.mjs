// Pages with a Content-Security-Policy, of another origin than the relay: what has to be in it for what to work, and how
// long it takes to find out. What docs/CLIENT.md says of CSP are these cases.

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { launch, MODERN, run, withAll } from '../harness/index.mjs';
import { page, startNetwork } from './network.mjs';
import { writeResults } from './results.mjs';

const MESSAGES = 100;
/** Where no way is left at all the page hears so before its users have gone. */
const FAIL_MS_MAX = 15_000;
/** Where the router answered there is a session, which is tried for as long as it lives without a request. */
const SESSION_FAIL_MS_MAX = 30_000;

const OWN = "script-src 'self' 'unsafe-inline'";

const socketsOf = (origin) => origin.replace('http', 'ws');

/** `by` is what carries; none where nothing can, and the page is told so `within` ms. */
const CASES = {
  'all is named': {
    policy: ({ relay, router, ws }) =>
      `${OWN}; connect-src 'self' ${ws} ${router} ${relay} ${socketsOf(router)} ${socketsOf(relay)}`,
    by: 'websocket',
  },
  'all but sockets of router and relay': {
    policy: ({ relay, router, ws }) => `${OWN}; connect-src 'self' ${ws} ${router} ${relay}`,
    by: 'websocket',
  },
  'only router and relay': {
    policy: ({ relay, router }) => `${OWN}; connect-src 'self' ${router} ${relay}`,
    by: 'stream',
  },
  'only router and relay, and their sockets': {
    policy: ({ relay, router }) =>
      `${OWN}; connect-src 'self' ${router} ${relay} ${socketsOf(router)} ${socketsOf(relay)}`,
    by: 'relay',
  },
  'only scripts of router and relay': {
    policy: ({ relay, router }) => `${OWN} ${router} ${relay}; connect-src 'self'`,
    by: 'jsonp',
  },
  'the router, and not the relay': {
    policy: ({ router }) => `${OWN}; connect-src 'self' ${router}`,
    within: SESSION_FAIL_MS_MAX,
  },
  'only the target': { policy: ({ ws }) => `${OWN}; connect-src 'self' ${ws}`, by: 'websocket' },
  'nothing but the page': { policy: () => `${OWN}; connect-src 'self'`, within: FAIL_MS_MAX },
  'no word of connections': { policy: () => OWN, by: 'websocket' },
};

const PAGE = page(`
  const { router, target, count } = report.query;
  const blocked = new Set();
  document.addEventListener('securitypolicyviolation', (event) =>
    blocked.add(event.effectiveDirective.replace(/-elem$/, '') + ' ' + event.blockedURI.split(':')[0]));
  PolySocket.configure({ router });
  exchange(target + '?id=csp', { count: +count })
    .then((story) => report.done({ story, blocked: [...blocked].sort() }), (error) => report.failed(error.stack));
`);

const rows = [];
after(async () => {
  const notes = [
    'the page is of another origin than router, relay and target, and the target is named only where that is said',
    'its own scripts are allowed; `blocked` is what the policy refused on the way',
  ];
  if (rows.length) console.log(await writeResults('csp', 'What a Content-Security-Policy costs', rows, notes));
});

for (const engineName of process.env.ENGINES?.split(',') ?? MODERN) {
  describe(engineName, () => {
    let engine;
    before(async () => {
      engine = await launch(engineName);
    });
    after(() => engine?.stop());

    for (const [name, { policy, by, within }] of Object.entries(CASES)) {
      test(`${name}: ${by ?? 'closes'}`, (context) =>
        withAll(async (use) => {
          let headers;
          const pages = { '/csp.html': () => ({ body: PAGE, headers }) };
          const { router, target, targetUrl, pages: served } = await startNetwork(use, { pages });
          const relay = `http://*.tom.localhost:${new URL(router).port}`;
          const address = targetUrl('/two-way');
          headers = { 'Content-Security-Policy': policy({ relay, router, ws: `ws://${new URL(address).host}` }) };
          const query = { router, target: address, count: MESSAGES };
          const { value } = await run(engine, served.visit('/csp.html', { query, host: 'app.localhost' }), {
            timeout: 20_000 + (within ?? 0),
          });
          const { story, blocked } = value;
          rows.push({
            engine: engineName,
            'the policy names': name,
            'carried by (why)': story.transports.join(' → ') || '–',
            'open after, ms': story.openMs ?? `never; closed after ${story.ms}`,
            blocked: blocked.join(', ') || '–',
          });
          context.diagnostic(Object.values(rows.at(-1)).join('; '));
          const shown = JSON.stringify(value);
          if (by) {
            assert.equal(story.transports.at(-1).split(' ')[0], by, shown);
            assert.deepEqual([story.opens, story.wrong, story.received], [1, null, MESSAGES], shown);
            assert.deepEqual(story.close, { code: 3001, reason: 'the page has all: €', wasClean: true }, shown);
          } else {
            assert.deepEqual([story.opens, story.errors, story.received], [0, 1, 0], shown);
            assert.deepEqual(story.close, { code: 1006, reason: '', wasClean: false }, shown);
            assert.ok(story.ms < within, shown);
            assert.ok(blocked.length > 0, 'the policy is what stood in the way');
          }
          // However it went, the target has heard no message twice.
          assert.ok(target.of('csp').filter(({ received }) => received > 0).length <= 1);
        }));
    }
  });
}
