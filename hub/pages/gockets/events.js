// Listening by the browser's own EventSource: a carrier that can only listen, and comes back by itself.

export const EVENTS = 'events';

/** The group of ways that only Gockets has. */
export const group = { label: 'Without any WebSocket', ways: [[EVENTS, 'EventSource, to listen only']] };

/** An event's id is `epoch:offset`. */
const label = (id) => (id ? `#${id.split(':').pop()}` : '');

/** A carrier as `hub/ways.js` says. */
export function listen(way, url, on) {
  const source = new EventSource(url);
  let opened = false;
  const finish = (words) => {
    source.close();
    on.close({ opened, words });
  };
  source.onopen = () => {
    opened = true;
    on.open({ transport: 'EventSource', reason: '' });
  };
  source.onmessage = ({ data, lastEventId }) => on.message(data, label(lastEventId));
  source.addEventListener('binary', ({ data, lastEventId }) => on.message(`${data} (bytes, in base64)`, label(lastEventId)));
  source.addEventListener('subscribed', ({ data }) => {
    const { recovered } = JSON.parse(data);
    if (recovered === true) on.note('It is back, and what was missed comes first.');
    if (recovered === false) on.note('It is back, and what was missed cannot be had any more.', true);
  });
  source.addEventListener('gap', () => on.note('Messages were lost, and cannot be had again.', true));
  source.addEventListener('closed', () => finish('The channel was deleted.'));
  source.onerror = () => {
    if (source.readyState === EventSource.CONNECTING) on.again();
    else finish('The server refused: there is no such channel, or it has as many streams as it may (gockets.streams_max).');
  };
  return { close: () => source.close() };
}
