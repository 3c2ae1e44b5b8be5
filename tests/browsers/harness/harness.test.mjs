import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ENGINES, MODERN, launch, run, RunFailed, startPages, startPolysocket, startUpstream, withAll } from './index.mjs';

const REPORTS = `<!DOCTYPE html><script src="/harness/report.js"></script><script>
  report({ text: '\\u20ac"\\n', list: [1, true, null] });
  report('second');
  report.done(report.query.word);
</script>`;

const THROWS = `<!DOCTYPE html><script src="/harness/report.js"></script><script>
  report('before');
  nothing.there();
</script>`;

const POLLS = `<!DOCTYPE html><script src="/harness/report.js"></script><script>
  function ask(path, then) {
    var request = new XMLHttpRequest();
    request.open('GET', path, true);
    request.onload = function () { then(JSON.parse(request.responseText)); };
    request.onerror = function () { report.failed('no answer from ' + path); };
    request.send(null);
  }
  ask(report.query.router + '/create?v=1&target=' + encodeURIComponent(report.query.target), function (created) {
    ask('http://' + created.polysocketd + '/j/' + created.socket + '?ack=0', report.done);
  });
</script>`;

for (const name of ENGINES) {
  test(`${name}: reports arrive in order and whole`, () =>
    withAll(async (use) => {
      const pages = use(await startPages({ '/reports.html': REPORTS, '/throws.html': THROWS }));
      const engine = use(await launch(name));
      const ran = await run(engine, pages.visit('/reports.html', { query: { word: 'a b+c/é' } }));
      assert.equal(ran.value, 'a b+c/é');
      assert.deepEqual(ran.reports, [{ text: '€"\n', list: [1, true, null] }, 'second']);
      const failure = await run(engine, pages.visit('/throws.html')).catch((error) => error);
      assert(failure instanceof RunFailed, String(failure));
      assert.match(failure.message, /the page threw: .*nothing/);
    }));
}

for (const name of MODERN) {
  test(`${name}: a page reaches the relay under a name of its own`, () =>
    withAll(async (use) => {
      const pages = use(await startPages({ '/polls.html': POLLS }));
      const polysocket = use(await startPolysocket());
      const upstream = use(await startUpstream());
      const engine = use(await launch(name));
      const query = { router: polysocket.origin, target: upstream.url('/greet') };
      const { value } = await run(engine, pages.visit('/polls.html', { query, host: 'app.localhost' }));
      assert.deepEqual(value.messages, [{ type: 'text', data: 'hello' }]);
      assert.equal(upstream.connections, 1);
    }));
}
