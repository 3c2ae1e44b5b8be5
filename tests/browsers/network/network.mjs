// A network with a middlebox in it: page → middlebox → router and relay, page → middlebox → target. The relay's own way
// to the target does not lead through the middlebox, although the target has the same address for it as for the page.

import { startPages, startPolysocket } from '../harness/index.mjs';
import { Middlebox } from '../middlebox/middlebox.mjs';
import { startTwoWay } from './two-way.mjs';

const HOST = '127.0.0.1';

const isRelay = (head) => head.get('user-agent')?.startsWith('polysocket/') ?? false;

export const page = (script, head = '') => `<!doctype html><meta charset="utf-8">${head}
<script src="/harness/report.js"></script>
<script src="/dist/polysocket.js"></script>
<script src="/tests/network/page/messages.js"></script>
<script src="/tests/network/page/exchange.js"></script>
<script>${script}</script>`;

/** `pages` as in `startPages`; `target` has `port` and `stop()`; `use` is that of `withAll`. */
export async function startNetwork(use, { modes = [], pages = {}, target, set = {} } = {}) {
  const trace = process.env.TRACE ? (line) => console.error(line) : undefined;
  const box = use(stoppable(new Middlebox({ modes, exempt: isRelay, trace })));
  // Both must know the other's port before they start: the middlebox learns the router's a moment later.
  const behind = { host: HOST, port: 0 };
  const port = await box.front(behind);
  const polysocket = use(await startPolysocket({ set: { 'relayd.address': `tom.localhost:${port}`, ...set } }));
  behind.port = polysocket.port;
  const reached = use(target ?? (await startTwoWay()));
  const targetPort = await box.front({ host: HOST, port: reached.port });
  const served = use(await startPages(pages));
  return {
    box,
    polysocket,
    target: reached,
    pages: served,
    /** Where pages find the router, and the target, through the middlebox. */
    router: `http://${HOST}:${port}`,
    targetUrl: (path) => `ws://${HOST}:${targetPort}${path}`,
  };
}

const stoppable = (box) => Object.assign(box, { stop: () => box.close() });
