/** Asks the network whether WebSockets deliver: the relay says `start` on each at once. */

import { Stop } from './call';
import { Probe } from './choose';
import { drop, openNative } from './native';
import { Place, sessionUrl } from './place';

/** The byte comes right behind the handshake. A WebSocket that has been open for so long without it is silent. */
const SILENT_MS = 100;

export function ask(place: Place, told: (result: Probe) => void): Stop {
  let timer: any;
  // Refused: that says something of the way to the relay, and nothing of other WebSockets.
  let otherwise = Probe.None;
  // Without `dial`: the target hears nothing of it.
  const socket = openNative(sessionUrl(place, 'w', 0), []);
  function stop() {
    clearTimeout(timer);
    drop(socket);
  }
  function end() {
    stop();
    told(otherwise);
  }
  socket.onopen = function () {
    // Also when it is cut before the byte.
    otherwise = Probe.Silent;
    timer = setTimeout(end, SILENT_MS);
  };
  socket.onmessage = function () {
    otherwise = Probe.Delivered;
    end();
  };
  socket.onclose = end;
  return stop;
}
