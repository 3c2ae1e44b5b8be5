/** Frames of bytes (docs/PROTOCOL.md §7): type, length in LEB128, payload. */

import { fromCode, toText } from './bytes';

export const TEXT = 1;
export const BINARY = 2;
const OPEN = 3;
export const CLOSE = 4;
const HEARTBEAT = 5;
export const ACK = 6;
const END = 7;
export const START = 8;
/** On the type of a fragment after which more follow. */
export const MORE = 128;

/** Flags of a `close` that comes down. */
const CLEAN = 1;
const UNREACHED = 2;

/**
 * What comes down, in the form it has in JSON: with `data` a message, of bytes if its type is `binary`; with a `code` the
 * close; otherwise `open`.
 */
export interface Message {
  type?: string;
  data?: string;
  more?: boolean;
  code?: number;
  reason?: string;
  wasClean?: boolean;
  protocol?: string;
}

/** Where the frames of a stream go. */
export interface FrameEvents {
  unit(number: number, message: Message): void;
  /** All units of the page up to this number have reached the relay. */
  acked(number: number): void;
  /** Something came: this way delivers. `idle`: a heartbeat. */
  heard(idle?: boolean): void;
  /** It is at its end, and the next may be opened. `empty`: nothing came. */
  over(empty?: boolean): void;
}

export function leb(value: number): string {
  // No shifts: numbers go to 2^53.
  return value < 128 ? fromCode(value) : fromCode((value % 128) + 128) + leb(Math.floor(value / 128));
}

export function frame(type: number, payload: string): string {
  return fromCode(type) + leb(payload.length) + payload;
}

function toMessage(type: number, payload: string, more: boolean): Message {
  if (type == OPEN) return JSON.parse(toText(payload));
  const flags = payload.charCodeAt(2);
  return type == CLOSE
    ? {
        code: (payload.charCodeAt(0) << 8) | payload.charCodeAt(1),
        // Why a target could not be reached is no business of the page (WHATWG): it stands in place of the reason.
        reason: flags & UNREACHED ? '' : toText(payload.substr(3)),
        wasClean: !!(flags & CLEAN),
      }
    : type == TEXT
      ? { data: toText(payload), more: more }
      : { type: 'binary', data: payload, more: more };
}

/** Reads a stream of frames that comes in pieces, cut anywhere. */
export function frameReader(on: FrameEvents): (bytes: string) => void {
  let rest = '';
  let at: number;
  let next: number;

  /** A number, from `at` on; NaN when it is not complete. */
  function number(): number {
    const byte = rest.charCodeAt(at++);
    return !(byte >= MORE) ? byte : (byte & 127) + 128 * number();
  }

  return function (bytes) {
    rest += bytes;
    for (;;) {
      at = 1;
      const length = number();
      const end = at + length;
      if (!(end <= rest.length)) break;
      const type = rest.charCodeAt(0) & 127;
      on.heard(type == HEARTBEAT);
      if (type <= CLOSE) on.unit(next++, toMessage(type, rest.substring(at, end), rest.charCodeAt(0) >= MORE));
      else if (type == ACK) on.acked(number());
      else if (type == START) next = number();
      else if (type == END) on.over();
      rest = rest.substring(end);
    }
  };
}
