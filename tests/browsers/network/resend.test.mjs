// What browsers do on their own when a kept connection dies without an answer: one `fetch` of a page, a POST, reaches the
// server twice. Nobody but the relay can then tell that it is the same. The zoo relies on this to be real.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import test from 'node:test';
import { launch, run, startPages, withAll } from '../harness/index.mjs';
import { Middlebox } from '../middlebox/middlebox.mjs';
import { dieReused } from '../middlebox/modes/die-reused.mjs';

const PAGE = `<!doctype html><script src="/harness/report.js"></script><script>
  const ask = (body) => fetch(report.query.server, { method: 'POST', body }).then((answer) => answer.text());
  ask('first').then(() => ask('second')).then(report.done, (error) => report.failed(String(error)));
</script>`;

async function startServer() {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    seen.push(`${request.method} ${body}`);
    response.setHeader('Access-Control-Allow-Origin', '*').end(`got ${body}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { port: server.address().port, seen, stop };
}

test('Chromium sends a POST again whose connection died without an answer', () =>
  withAll(async (use) => {
    const server = use(await startServer());
    const box = new Middlebox({ modes: [dieReused({ seed: 1, rate: 1 })] });
    use({ stop: () => box.close() });
    const port = await box.front({ host: '127.0.0.1', port: server.port });
    const pages = use(await startPages({ '/resend.html': PAGE }));
    const engine = use(await launch('chromium'));
    const { value } = await run(engine, pages.visit('/resend.html', { query: { server: `http://127.0.0.1:${port}/` } }));
    assert.equal(value, 'got second');
    assert.deepEqual(server.seen, ['POST first', 'POST second', 'POST second']);
    assert.equal(box.counts.get('reused connections died'), 1);
  }));
