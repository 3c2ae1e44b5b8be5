// Watching a path by the browser's own EventSource: a carrier that can only listen, and comes back by itself with the
// version it has.

import { inWords } from './words.js';

export const EVENTS = 'events';

/** The group of ways that only Pogo has. */
export const group = { label: 'Without any WebSocket', ways: [[EVENTS, 'EventSource, to watch only']] };

/** Why the server refused: it says so to a plain request, but not to an EventSource. */
async function why(url) {
  try {
    const answer = await fetch(url);
    if (!answer.ok) return inWords(await answer.json());
  } catch {
    return 'The server does not answer. Is it still running?';
  }
  return 'The server refused: it has as many streams as it may (pogo.streams_max), or is going away. Connect again.';
}

/** A carrier as `hub/ways.js` says; messages are `{ event, data, version }`. */
export function watch(way, url, on) {
  const source = new EventSource(url);
  let opened = false;
  source.onopen = () => {
    opened = true;
    on.open({ transport: 'EventSource', reason: '' });
  };
  for (const event of ['message', 'gone', 'fault', 'recovered']) {
    source.addEventListener(event, ({ data, lastEventId }) => on.message({ event, data, version: lastEventId }));
  }
  source.onerror = async () => {
    if (source.readyState === EventSource.CONNECTING) return on.again();
    source.close();
    on.close({ opened, words: await why(url) });
  };
  return { close: () => source.close() };
}
