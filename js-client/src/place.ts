/** Where a session is: what the router answered to `create`, and how it was asked. */

import { Answer, Call } from './call';
import { nothing } from './engine';

export interface Place extends Answer {
  /** The router that answered, without a slash at its end. */
  router: string;
  /** How it was reached: what comes after may go the same way. */
  call: Call;
  /** How long `create` took, ms. */
  rtt: number;
  /** The relay: `host[:port][/prefix]`. */
  polysocketd: string;
  socket: string;
  /** How long the session lives without a request, and how long at most when asked, ms. */
  idle: number;
  pause_max: number;
  /** Units that may be under way on `/w`. */
  window: number;
}

/** How long a prepared session that is not needed is held at most: longer than giving it back may take. */
const RELEASE_MS = 5000;

export function sessionUrl(place: Place, path: string, ack: number): string {
  // As safe as the router: `https` or `wss`, or neither.
  return place.router.replace(
    /^http(s?:..).*/,
    (path == 'w' ? 'ws$1' : 'http$1') + place.polysocketd + '/' + path + '/' + place.socket + '?v=1&ack=' + ack
  );
}

/** Gives back a session that was prepared and is not needed: no target was ever dialled for it. */
export function release(place: Place): void {
  place.call(sessionUrl(place, 's', 0) + '&t=c&n=1', '', RELEASE_MS, nothing);
}
