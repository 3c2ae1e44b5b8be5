/**
 * The page's side of a session: numbers, acks, fragments, and what is not acked yet. No I/O, no clock.
 *
 * What must hold: a unit keeps its number and its bytes, whatever becomes of the requests that carry it; and each unit
 * that comes down is told once, in order.
 */

import { CLOSE, MORE, Message, frame } from './frames';

/**
 * Longest payload of a unit, bytes. In base64 it is 1,467 characters, so that any unit fits into any URL (2,083
 * characters in the strictest engine), and can still be carried when only script tags are left.
 */
export const UNIT_BYTES_MAX = 1100;

export interface CoreEvents {
  opened(protocol: string): void;
  message(data: string, binary: boolean): void;
  /** The last of all. `error` says why the target could not be reached, if that was it. */
  closed(code: number, reason: string, wasClean: boolean, error: any): void;
  /** So many bytes of messages have reached the relay. */
  drained(bytes: number): void;
}

export interface Core {
  /** Takes a message of the page, of a frame's type, or its close: then `bytes` are code and reason, or nothing. */
  send(type: number, bytes: string): void;
  /** The first unit that is not acked; when all are, the number of the next. */
  first: number;
  /** The frame of unit `number`, at most one beyond those it was asked for; empty when there is none yet. */
  frame(number: number): string;
  /** All units up to `number` have reached the relay. */
  acked(number: number): void;
  /** The last unit that came. */
  received: number;
  /** A unit from the relay. False when one before it is missing. */
  unit(number: number, message: Message): boolean;
}

/** Something to send: `cut` bytes of it are in units. */
interface Queued {
  type: number;
  bytes: string;
  cut: number;
}

interface Unit {
  frame: string;
  /** What the page is told of it by `drained`. */
  size: number;
}

export function makeCore(on: CoreEvents): Core {
  /** Not cut to the end. */
  const queue: Queued[] = [];
  /** Cut and not acked; the first has the number `core.first`. */
  const units: Unit[] = [];
  let parts: string[] = [];
  let binary = false;

  function cut(): void {
    const message = queue[0];
    if (!message) return;
    const payload = message.bytes.substr(message.cut, UNIT_BYTES_MAX);
    message.cut += payload.length;
    const more = message.cut < message.bytes.length;
    units.push({ frame: frame(message.type + (more ? MORE : 0), payload), size: message.type == CLOSE ? 0 : payload.length });
    if (!more) queue.shift();
  }

  const core: Core = {
    first: 1,
    received: 0,
    send: function (type, bytes) {
      queue.push({ type: type, bytes: bytes, cut: 0 });
    },
    frame: function (number) {
      const at = number - core.first;
      if (at == units.length) cut();
      return units[at] ? units[at].frame : '';
    },
    acked: function (number) {
      let bytes = 0;
      while (core.first <= number && units[0]) {
        bytes += units.shift()!.size;
        core.first++;
      }
      if (bytes) on.drained(bytes);
    },
    unit: function (number, message) {
      if (number != core.received + 1) return number <= core.received;
      core.received++;
      const type = message.type;
      if (type == 'open') on.opened(message.protocol!);
      else if (type == 'close') on.closed(message.code!, message.reason!, message.wasClean!, message.error);
      else {
        // A message is of the type of its first fragment.
        if (!parts.length) binary = type == 'binary';
        parts.push(message.data!);
        if (!message.more) {
          const data = parts.join('');
          parts = [];
          on.message(data, binary);
        }
      }
      return true;
    },
  };
  return core;
}
