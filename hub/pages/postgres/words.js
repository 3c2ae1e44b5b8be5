// What the bridge says, in sentences (docs/POSTGRES.md, "Refusals" and "Closing"): whose fault, and what to do.

const refusals = [
  [/^Token expired/, 'The token has ended. Get another one.'],
  [/^Missing mode/, 'The token does not say whether to hear or to say: its mode has to be r, w or rw.'],
  [/^No allowed channels/, 'The token does not open this channel. Name one that it lists, or none for all of them.'],
  [/^Error: no token/, 'No token came. Give one above.'],
  [/^Error: /, 'The bridge does not take this token: it is signed by somebody else, or is none. polysocket dev makes a new secret each time it begins.'],
  [/^Origin not allowed/, 'The bridge is not for pages from here (postgres.origins).'],
  [/database is away/, 'The bridge has lost its database, and that is its operator’s to mend. It comes back by itself; connect again then.'],
];

/** A refusal's own words, explained. */
export function refused(reason) {
  const [, sentence] = refusals.find(([pattern]) => pattern.test(reason)) ?? [null, 'The bridge refused.'];
  return `${sentence} It says “${reason}”.`;
}

/** How an open connection ended; `undefined` where the bridge has nothing of its own to say about it. */
export function ended({ code, reason }) {
  if (code === 3001) return 'The token has ended, and the connection with it (3001). Get another one and open again.';
  if (code === 1013) return `A message was not taken, and it is not the page’s fault (1013): ${reason}. Open again and say it once more.`;
  if (code === 1009) return `A message was too long for the database (1009): ${reason}. The bridge takes longer ones with postgres.overflow.`;
  if (code === 1008 && /slow/.test(reason)) return 'This page has not read what came (1008). Open again.';
  if (code === 1008 && /many/.test(reason)) return 'This page has said too much in a short time (1008). Open again, and say less.';
  if (code === 1008) return refused(reason);
  return undefined;
}

const errors = [
  [/too large/, 'That is longer than a notification can be. Say less, or have postgres.overflow switched on.'],
  [/may not send/, 'This token may only hear. To say something its mode has to be w or rw.'],
  [/meta channel/, 'Nobody but the bridge says anything in the meta channel.'],
  [/away/, 'The database has been away for too long, and the message was given up. Say it again later.'],
  [/refused/, 'The database refused the message. Its log says why.'],
];

/** What an event of the bridge means. `isBad`: something was lost, or not done. */
export function happened({ event, channel, text }) {
  const where = channel ? ` in ${channel}` : '';
  if (event === 'Gap') return { isBad: true, sentence: `Something may have been missed${where}: the bridge was cut off from the database. It hears again; read the state of things anew.` };
  if (event === 'Error') {
    const [, sentence] = errors.find(([pattern]) => pattern.test(text)) ?? [null, 'A message was not passed on.'];
    return { isBad: true, sentence: `${sentence} The bridge says “${text}”.` };
  }
  if (event === 'ConnectionOpen') return { isBad: false, sentence: `Somebody came: ${text}.` };
  if (event === 'ConnectionClose') return { isBad: false, sentence: `Somebody went: ${text}.` };
  return { isBad: false, sentence: `${event}${where}: ${text}` };
}
