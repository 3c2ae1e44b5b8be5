/** Asks the network whether WebSockets deliver: on this path a router says a word on each, at once. */

import { Stop } from './call';
import { Probe } from './choose';
import { drop, openNative } from './native';

/** The word comes right behind the handshake. A WebSocket that has been open for so long without it is silent. */
const SILENT_MS = 200;

export function ask(router: string, told: (result: Probe) => void): Stop {
  let timer: any;
  let otherwise = Probe.Refused;
  const socket = openNative(router.replace('http', 'ws') + '/probe', []);
  function stop() {
    clearTimeout(timer);
    drop(socket);
  }
  function end() {
    stop();
    told(otherwise);
  }
  socket.onopen = function () {
    // Also when it is cut before the word.
    otherwise = Probe.Silent;
    timer = setTimeout(end, SILENT_MS);
  };
  socket.onmessage = function () {
    otherwise = Probe.Delivered;
    end();
  };
  socket.onerror = socket.onclose = end;
  return stop;
}
