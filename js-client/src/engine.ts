/** What this engine has. Nothing here may throw, in an engine of any age. */

/** The global object of a window or worker. Elsewhere this can be loaded, and does nothing. */
export const root: any = typeof self == 'undefined' ? {} : self;

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

/** Digits. */
export function random(): string {
  return (Math.random() + '').substr(2);
}

/** Copies what is defined in `from`. */
export function assign(to: any, from: any): any {
  for (const name in from) if (from[name] !== undefined) to[name] = from[name];
  return to;
}

/** `list.indexOf(item)`. */
export function position(list: any, item: any): number {
  let i = list.length;
  while (i-- && list[i] !== item);
  return i;
}
