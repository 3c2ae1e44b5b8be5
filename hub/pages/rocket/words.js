// Rocket's errors in sentences (docs/ROCKET.md, "Errors"): whose fault, and what to do.

const errors = {
  INVALID_PAYLOAD: 'The hub could not read that: a field is missing or has a wrong type. A channel needs a name, and an event as well.',
  INVALID_USER: 'This hub has no user of that name.',
  INVALID_USER_NAME: 'A user needs a name.',
  USER_NOT_FOUND: 'This hub has no user of that name.',
  INVALID_CREDENTIALS: 'That is not this user’s secret.',
  ACCESS_DENIED: 'This user may not do that in this channel.',
  INVALID_CHANNEL: 'There is no such channel: one begins to exist with its first subscriber.',
  INVALID_CHANNEL_NAME: 'A channel needs a name.',
  INVALID_EVENT_NAME: 'An event needs a name.',
  CHANNEL_NOT_FOUND: 'There is no such channel: one begins to exist with its first subscriber.',
  INVALID_CLIENT: 'No connection has this token.',
  UNDEFINED_EVENT: 'The hub knows no such action.',
  UNAVAILABLE: 'The hub cannot reach what it needs, and that is its operator’s to mend. Try again.',
};

/** A sentence for `{ err, … }`. */
export function inWords({ err, reason, limit, max }) {
  if (err === 'LIMIT_EXCEEDED') return `That is more than the hub allows: ${limit} is ${max}.`;
  return `${errors[err] ?? 'The hub refused.'}${reason ? ` It says “${reason}”.` : ''} (${err})`;
}
