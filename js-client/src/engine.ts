/** What this engine has. Nothing here may throw, in an engine of any age. */

declare const global: any;

/** The global object of a window, of a worker, or of whatever else runs this. */
export const root: any = typeof self == 'undefined' ? global : self;

/** Workers have none. */
export const page: any = root.document;

/** The engine's own, taken before anybody installs ours in its place. */
export const NativeWebSocket: any = root.WebSocket;

/** Without, binary can be received as strings only, of a character for each byte. */
export const hasBuffers = !!root.Uint8Array;

export function now(): number {
  return +new Date();
}

export function nothing(): void {}

/** Characters that may stand in any URL. */
export function random(): string {
  return Math.random().toString(36).substr(2);
}

/** Copies what is there in `from`. */
export function assign(to: any, from: any): any {
  for (const name in from) if (from[name] != null) to[name] = from[name];
  return to;
}

/** `list.indexOf(item)`. */
export function position(list: any, item: any): number {
  let i = list.length;
  while (i-- && list[i] !== item);
  return i;
}
