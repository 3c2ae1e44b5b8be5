// The forms in which messages come (docs/POSTGRES.md, "Two forms"). Pure.

export const SEED = 'seed';
export const CURRENT = 'current';
/** Notified by somebody else, in a form of their own. */
export const OTHER = 'as notified';

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** Who said it, as far as claims tell. */
const by = (claims) => (claims?.sub === undefined ? '' : `by ${claims.sub}`);

const shown = ({ payload, encoding }) => `${typeof payload === 'string' ? payload : JSON.stringify(payload)}${encoding === 'base64' ? ' (bytes, in base64)' : ''}`;

/** `{ form, text, event, channel, note }`: `event` is empty for messages, and otherwise what has happened. */
export function read(text) {
  const said = parsed(text);
  const plain = { form: OTHER, text, event: '', channel: '', note: '' };
  if (!said) return plain;
  const { event, channel = '', payload, position } = said;
  if (event === 'WebsocketMessage') return { form: CURRENT, text: shown(said), event: '', channel, note: by(said.claims) };
  if (event === 'OutboxMessage') return { form: CURRENT, text: shown(said), event: '', channel, note: `from the outbox, ${position}` };
  if (/^(Gap|Error|Overflow|ConnectionOpen|ConnectionClose)$/.test(event)) return { form: CURRENT, text: payload ?? '', event, channel, note: '' };
  if (said.userClaims !== undefined && payload !== undefined) return { form: SEED, text: shown(said), event: '', channel, note: by(said.userClaims) };
  return plain;
}
