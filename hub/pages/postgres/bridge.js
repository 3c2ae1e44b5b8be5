// Opening the bridge: a carrier as `hub/ways.js` says, that also finds out why it was refused.

import { carry } from '../hub/ways.js';
import { ended, refused } from './words.js';

/** Until the bridge has said why it refuses, ms. */
const WHY_MS = 3000;

/** Where to open, with which subprotocols and which first message, for a token that goes `by` protocol, address or message. */
export function opening({ url, channel, token, by }) {
  const base = url.replace(/\/+$/, '');
  const path = channel ? `/${encodeURIComponent(channel)}` : '';
  // With `events` a message that was not passed on is told, and does not end the connection.
  if (by === 'message') return { url: `${base}${path || '/'}?token=message&events=1`, protocols: [], first: token };
  if (by === 'address') return { url: `${base}${path}/${encodeURIComponent(token)}?events=1`, protocols: [], first: null };
  return { url: `${base}${path || '/'}?events=1`, protocols: token ? ['bearer', token] : [], first: null };
}

/** A browser tells a page nothing of an answer that is no WebSocket. A token by message is refused in words. */
function why(settings) {
  return new Promise((resolve) => {
    const { url, first } = opening({ ...settings, by: 'message' });
    const socket = new WebSocket(url);
    const finish = (words) => {
      clearTimeout(timer);
      socket.onclose = null;
      socket.close();
      resolve(words);
    };
    const timer = setTimeout(finish, WHY_MS);
    socket.onopen = () => socket.send(first);
    socket.onclose = ({ code, reason }) => finish(/1008|1013/.test(code) && reason ? refused(reason) : undefined);
  });
}

/** Makes carriers for `settings`, `{ url, channel, token, by }`. */
export function bridge(settings) {
  return (way, url, on) => {
    const { protocols, first } = opening(settings);
    const carrier = carry(
      way,
      url,
      {
        ...on,
        open: (by) => {
          if (first !== null) carrier.send(first);
          on.open(by);
        },
        close: async (how) => on.close({ ...how, words: how.opened ? ended(how) : await why(settings) }),
      },
      protocols,
    );
    return carrier;
  };
}
