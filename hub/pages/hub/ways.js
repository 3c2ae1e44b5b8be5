// By what a connection can go. Each way makes a carrier: `{ send(text), close() }`, which tells `on.open({ transport,
// reason })`, `on.carried(…)` with the same, `on.message(data)` and `on.close({ code, reason, opened })`. A carrier of
// another kind may have no `send`, and tell `on.again()` when it connects anew by itself, and `on.note(text, isBad)`.

const NATIVE = 'native';
const AUTOMATIC = 'automatic';

const labels = {
  relay: 'relay, a WebSocket to the relay',
  stream: 'stream, one long answer',
  sse: 'sse, server-sent events',
  poll: 'poll, requests that wait',
  jsonp: 'jsonp, script tags',
};

const hasClient = () => typeof window.PolySocket === 'function';

/** Names and labels in groups, the better first: `[{ label, ways: [[name, label]] }]`. */
export function groups() {
  const own = { label: 'The browser', ways: [[NATIVE, 'WebSocket, the browser’s own']] };
  if (!hasClient()) return [own];
  const named = Object.entries(labels);
  return [own, { label: 'Polysocket', ways: [[AUTOMATIC, 'whatever works best here'], ...named] }];
}

/** What two panes begin with: two different ways, if there are. */
export const firstWays = () => [NATIVE, hasClient() ? AUTOMATIC : NATIVE];

function open(way, url, protocols) {
  if (way === NATIVE) return new WebSocket(url, protocols);
  return new PolySocket(url, protocols, way === AUTOMATIC ? {} : { transports: way, remember: 0, probe: false });
}

/** Opens `url` with subprotocols. Throws what the browser throws when it is not the URL of a WebSocket. */
export function carry(way, url, on, protocols = []) {
  const socket = open(way, url, protocols);
  let opened = false;
  const by = () => ({ transport: way === NATIVE ? 'websocket' : socket.transport, reason: way === NATIVE ? '' : socket.reason });
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    opened = true;
    on.open(by());
  };
  socket.addEventListener('transport', () => opened && on.carried(by()));
  socket.onmessage = ({ data }) => on.message(data);
  socket.onclose = ({ code, reason }) => on.close({ code, reason, opened });
  return { send: (text) => socket.send(text), close: () => socket.close() };
}
