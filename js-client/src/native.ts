/** The browser's own WebSocket. */

import { NativeWebSocket, root } from './engine';

/** Why it cannot be used; empty when it can. Engines with a protocol older than RFC 6455 have no binary. */
export function whyNot(): string {
  if (!NativeWebSocket) return 'absent';
  return root.CloseEvent || 'binaryType' in NativeWebSocket.prototype ? '' : 'dead';
}

export function openNative(address: string, protocols: string[]): any {
  // Some engines take an empty list for an offer of nothing.
  return protocols[0] ? new NativeWebSocket(address, protocols) : new NativeWebSocket(address);
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
