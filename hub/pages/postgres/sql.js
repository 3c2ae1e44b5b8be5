// The other side: statements for psql, and a client for other pages. Pure.

const CHANNEL = 'chat';

const literal = (text) => `'${text.replaceAll("'", "''")}'`;

/** A name as SQL has it: in lower case and plain, or in quotes. */
const identifier = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

/** Statements for a channel; `wire` and `listen_channel` are the bridge's. */
export function statements(channel = CHANNEL, { wire, listen_channel: meeting }) {
  const named = channel || CHANNEL;
  const current = { event: 'WebsocketMessage', channel: named, payload: 'hello in the form of now' };
  const own = wire === 'seed' ? [`NOTIFY ${identifier(named)}, 'hello from psql';`, `NOTIFY ${identifier(named)}, '{"userClaims":{"sub":"psql"},"payload":"hello in the form of 2016"}';`] : [];
  const heard = wire === 'seed' ? named : meeting;
  return [
    ...own,
    `NOTIFY ${identifier(meeting)}, ${literal(JSON.stringify(current))};`,
    '',
    '-- what pages say comes with the next statement',
    `LISTEN ${identifier(heard)};`,
    'SELECT 1;',
  ].join('\n');
}

export const hint = ({ wire, listen_channel: meeting }) =>
  wire === 'seed'
    ? `What pages say is notified on their own channel, in the form of 2016 (postgres.wire = "seed"). ${meeting} is for both.`
    : `What pages say is notified on ${meeting}, in the form of now (postgres.wire = "current"); nothing else is listened to.`;

/** A client in a few lines. */
export const snippet = (url) => `// Your server gives the page its token. As a subprotocol it is in no log of addresses.
const ws = new WebSocket(${JSON.stringify(url)}, ['bearer', token]);
ws.onopen = () => ws.send('Hi!');
ws.onmessage = ({ data }) => console.log(data);
ws.onclose = ({ code, reason }) => console.log(code, reason);`;
