/** The browser's own WebSocket. */

import { NativeWebSocket, root } from './engine';

/** Why it cannot be used; empty when it can. Engines with a protocol older than RFC 6455 know no close codes. */
export function whyNot(): string {
  return !NativeWebSocket ? 'absent' : root.CloseEvent ? '' : 'dead';
}

/** One that cannot even be made, as by the rules of the page's CSP, closes as others do that fail. */
export function openNative(address: string, protocols: string[]): any {
  let socket: any;
  try {
    // Some engines take an empty list for an offer of nothing.
    socket = protocols[0] ? new NativeWebSocket(address, protocols) : new NativeWebSocket(address);
  } catch (_) {
    socket = {};
    setTimeout(function () {
      if (socket.onclose) socket.onclose();
    }, 0);
  }
  return socket;
}

/** Closes one whose events are of no interest any more. */
export function drop(socket: any): void {
  socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
  try {
    socket.close();
  } catch (_) {
    // Engines whose WebSocket is broken do even that.
  }
}
