// Gockets' REST, as a backend uses it.

const ANSWER_MS = 10_000;

/** What a status means here, and what to do (docs/GOCKETS.md, "Routes" and "Who may administer"). */
const meanings = {
  403: 'This server lets channels be administered from its own machine only. Open this page there by localhost, or give its gockets.admin_token above.',
  404: 'There is no such channel (any more). Prepare one.',
  408: 'The server has not got the whole request in time. Try again.',
  413: 'That is longer than the server takes.',
  429: 'The server has as many channels as it may (gockets.channels_max). Delete some.',
  503: 'The server cannot do it now: what it needs is away, or it is stopping. Try again.',
};

/** The administrative token, when the server wants one. Nowhere kept but here. */
export const admin = { token: '' };

/** Gives `{ answer, headers }`; throws an `Error` with a sentence. */
async function ask(method, path, body) {
  let answer;
  let json;
  try {
    const headers = admin.token ? { Authorization: `Bearer ${admin.token}` } : {};
    answer = await fetch(path, { method, body, headers, signal: AbortSignal.timeout(ANSWER_MS) });
    json = await answer.json();
  } catch {
    throw new Error('The server does not answer, or not in JSON. Is it still running?');
  }
  // With -legacy-status errors come with 200.
  if (answer.ok && json.type !== 'ERR') return { answer: json, headers: answer.headers };
  const said = json.message ? `The server says “${json.message}”.` : '';
  throw new Error([meanings[answer.status], said].filter(Boolean).join(' ') || `The server answered ${answer.status}.`);
}

const options = ({ hook, tag, events, isSigned }) =>
  JSON.stringify({
    subscriber_message_hook_url: hook || null,
    tag: tag || null,
    hook_events: events,
    ...(isSigned !== undefined && { hook_secret: isSigned || null }),
  });

export const prepare = async (wanted) => (await ask('POST', '/channel/prepare', options(wanted))).answer;

export const edit = async (publisher, wanted) => (await ask('PATCH', `/channel/edit/${publisher}`, options(wanted))).answer;

export const show = async (publisher) => (await ask('GET', `/channel/${publisher}`)).answer;

export const remove = (publisher) => ask('DELETE', `/channel/publish/${publisher}`);

export async function publish(publisher, text) {
  const { answer, headers } = await ask('POST', `/channel/publish/${publisher}?type=text`, text);
  return { says: answer.message, listeners: Number(headers.get('X-Gockets-Listeners')), position: headers.get('X-Gockets-Position') };
}

export const standing = async (publisher) => (await ask('GET', `/channel/hooks/${publisher}`)).answer;

export const retry = async (publisher) => (await ask('POST', `/channel/hooks/${publisher}/retry`)).answer.message;

export const drop = async (publisher) => (await ask('DELETE', `/channel/hooks/${publisher}`)).answer.message;
