// Which server the page talks to, and whether the relay may go there.

const socketOrigin = location.origin.replace(/^http/, 'ws');
/** What the router takes to dial a target (5 s), and a network on the way. */
const ASK_MS = 8000;

export const targets = {
  echo: { url: `${socketOrigin}/echo`, says: 'which says everything back.' },
  chat: { url: `${socketOrigin}/chat`, says: 'which says everything to all who are there: open this page twice.', chat: true },
};

/** A target somebody typed. Throws an `Error` with a sentence for them. */
export function otherTarget(typed) {
  const text = typed.trim();
  let url;
  try {
    url = new URL(/^\w+:\/\//.test(text) ? text : `wss://${text}`);
  } catch {
    throw new Error(`“${text}” is not a URL. Type one like wss://echo.example.com/.`);
  }
  if (!/^wss?:$/.test(url.protocol)) throw new Error(`${url.protocol}// is not a WebSocket. Type a URL that begins with ws:// or wss://.`);
  if (url.protocol === 'ws:' && location.protocol === 'https:') throw new Error('A page of https may use wss:// only.');
  url.hash = '';
  return { url: url.href, says: 'which is not ours: it may answer as it likes. Measuring is off.', foreign: true };
}

/** Has the relay open it once, and close it. Throws an `Error` that says why it cannot. */
export async function checkTarget(url) {
  let answer;
  try {
    const asked = await fetch('/create', {
      method: 'POST',
      body: new URLSearchParams({ v: '1', target: url, from: 'demo' }),
      signal: AbortSignal.timeout(ASK_MS),
    });
    answer = await asked.json();
  } catch {
    throw new Error('The router does not answer. Is `polysocket dev` still running?');
  }
  if (!answer.ok) {
    const sentence = words.refusals[answer.code];
    throw new Error([sentence, `The server says “${answer.error}”.`].filter(Boolean).join(' '));
  }
  const session = `${location.protocol}//${answer.polysocketd}/s/${answer.socket}?v=1`;
  // The close, and the ack of the target's own. Should they be lost, the relay closes it by itself in 15 s.
  const close = () => fetch(`${session}&n=1&t=c&code=1000`, { method: 'POST' });
  close().then(() => fetch(`${session}&ack=1`, { method: 'POST' })).catch(() => {});
}
