// Pogo's errors in sentences (docs/POGO.md, "Errors"): whose fault, and what to do.

const errors = {
  bad_request: 'Pogo or the API behind it cannot do anything with that: a field, the path or the method does not fit.',
  unauthorized: 'A token is wanted here, or this one is not taken. Give one above.',
  forbidden: 'This path is not open to this page, or not with this token.',
  not_found: 'There is nothing at this path.',
  conflict: 'It was changed by somebody else meanwhile, or this request was another one before.',
  unprocessable: 'The API does not take this as a document for that path.',
  rate_limited: 'That was too much in a short time. Wait a moment.',
  too_many_binds: 'This connection has bound as much as it may (pogo.binds_max, pogo.channels_max).',
  upstream_error: 'The API behind Pogo is away or answers with nothing that can be used; that is its operator’s to mend.',
  timeout: 'The API behind Pogo does not answer in time. Try again.',
  unavailable: 'This server cannot do it now. Try again.',
};

/** A sentence for `{ code, httpStatus, message, data }`. */
export function inWords({ code, message, data }) {
  const said = message ? ` It says “${message}”.` : '';
  const more = data === undefined || data === null ? '' : ` The API says: ${JSON.stringify(data)}.`;
  return `${errors[code] ?? 'Pogo refused.'}${said}${more}${code ? ` (${code})` : ''}`;
}

const EVENTS_ONLY = 'An EventSource can only watch. Choose a WebSocket to write, or to talk in channels.';

export const cannotSend = (isUp) => (isUp ? EVENTS_ONLY : 'This pane is not connected. Connect it.');
