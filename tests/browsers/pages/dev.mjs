// `polysocket dev` as its pages are opened: directly, or behind a middlebox that all of the page's requests pass.

import { startPolysocket } from '../harness/index.mjs';
import { Middlebox } from '../middlebox/middlebox.mjs';
import { zoo } from '../middlebox/zoo.mjs';

const HOST = '127.0.0.1';

const isRelay = (head) => head.get('user-agent')?.startsWith('polysocket/') ?? false;

/** Behind the middlebox `name` of the zoo: where its pages are. The relay's own way to `/echo` is free. */
export async function startBehind(use, name) {
  const box = new Middlebox({ modes: zoo[name].modes(1), exempt: isRelay });
  use({ stop: () => box.close() });
  const behind = { host: HOST, port: 0 };
  const port = await box.front(behind);
  const polysocket = use(await startPolysocket({ set: { 'relayd.address': `tom.localhost:${port}` } }));
  behind.port = polysocket.port;
  return { box, origin: `http://${HOST}:${port}` };
}
