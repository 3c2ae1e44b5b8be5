// The doctor in engines of the time before: that is where one is needed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { launch, OLD, run, startPages, startPolysocket, withAll } from '../harness/index.mjs';

const DOCTOR_MS = 90_000;

/** What each of them can, and what it has not got. */
const EXPECTED = {
  phantomjs2: { ok: ['websocket', 'relay', 'poll', 'jsonp'], lacks: ['stream', 'sse'] },
  phantomjs1: { ok: ['poll', 'jsonp'], lacks: ['websocket', 'relay', 'stream', 'sse'] },
  khtml: { ok: ['jsonp'], lacks: ['websocket', 'relay', 'stream', 'sse', 'poll'] },
};

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The doctor's page and what it needs of its own origin, from a server to which old engines can report. */
async function startDoctor(use, polysocket) {
  const html = await (await fetch(`${polysocket.origin}/doctor`)).text();
  const pass = async (request) => {
    const sent = request.method === 'GET' ? undefined : await body(request);
    const answer = await fetch(polysocket.origin + request.url, { method: request.method, body: sent });
    return { body: await answer.text(), type: answer.headers.get('content-type') };
  };
  const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+\.\w+)"/g)].map(([, path]) => [path, pass]);
  const tell = '<script src="/harness/report.js"></script><script src="/tests/pages/tell.js"></script></body>';
  const doctor = html.replace('</body>', tell);
  assert.ok(doctor.includes(tell));
  const page = { body: doctor, type: 'text/html; charset=utf-8' };
  return use(await startPages({ ...Object.fromEntries(paths), '/create': pass, '/doctor.html': page }));
}

for (const name of process.env.ENGINES?.split(',').filter((one) => OLD.includes(one)) ?? OLD) {
  test(`${name}: what works, and what it lacks`, () =>
    withAll(async (use) => {
      // They do not resolve names under `localhost`.
      const polysocket = use(await startPolysocket({ oneHost: true }));
      const pages = await startDoctor(use, polysocket);
      const engine = use(await launch(name));
      const query = { target: `${polysocket.origin.replace('http', 'ws')}/echo` };
      const { value } = await run(engine, pages.visit('/doctor.html', { query }), { timeout: DOCTOR_MS });
      const { ok, lacks = [] } = EXPECTED[name];
      for (const transport of ok) assert.match(value, new RegExp(`^${transport} +ok `, 'm'));
      for (const transport of lacks) assert.match(value, new RegExp(`^${transport} +missing .*Not in this browser: `, 'm'));
      const best = ok[0];
      assert.match(value, best === 'websocket' ? /^WebSockets work, and 4 of 6 transports/m : new RegExp(`^Pages work here, without WebSockets: by ${best}`, 'm'));
    }));
}
