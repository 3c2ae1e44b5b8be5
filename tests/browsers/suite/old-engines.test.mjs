// The text part of the behaviour suite in real old engines: the cases that need nothing which those lack.
//
// PhantomJS 2.1.1 (WebKit of 2013) has a WebSocket that works; that of 1.9.8 (2011) exists and never connects; KHTML has
// none, nor XHR to other origins, and tells nobody that a script did not load. ENGINES, TRANSPORTS and ONLY narrow it down.

import { after, before, describe, test } from 'node:test';
import { deadUrl, launch, startPages, startPolysocket, startUpstream, stopAll } from '../harness/index.mjs';
import { checkResults, runSuite, suitePages } from './run-suite.mjs';

/** By engine: what carries when nothing is asked for, if that is sure, and what else can. */
const RUNS = {
  phantomjs2: { transports: ['default', 'websocket', 'poll', 'jsonp'] },
  phantomjs1: { carries: 'poll', transports: ['default', 'poll', 'jsonp'] },
  khtml: { carries: 'jsonp', transports: ['default', 'jsonp'] },
};
/** Of the cases without needs, all. */
const CASES_MIN = 75;

const chosen = process.env.ENGINES?.split(',') ?? Object.keys(RUNS);

for (const name of Object.keys(RUNS).filter((each) => chosen.includes(each))) {
  describe(name, () => {
    const started = [];
    let engine, settings, pages;

    before(async () => {
      const use = (thing) => (started.push(thing), thing);
      // These engines know no *.localhost.
      const polysocket = use(await startPolysocket({ oneHost: true }));
      const upstream = use(await startUpstream());
      pages = use(await startPages(await suitePages()));
      settings = { router: polysocket.origin, upstream: upstream.url(''), dead: await deadUrl() };
      engine = use(await launch(name));
    });
    after(() => stopAll(started));

    for (const transport of process.env.TRANSPORTS?.split(',') ?? RUNS[name].transports) {
      test(transport, async (context) => {
        const results = await runSuite(engine, pages, {
          ...settings,
          scope: 'window',
          transport,
          carries: transport === 'default' ? RUNS[name].carries : undefined,
        });
        checkResults(context, results, { engine: name, scope: 'window', transport, casesMin: CASES_MIN });
      });
    }
  });
}
