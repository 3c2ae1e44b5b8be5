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
  /** The last of all. */
  closed(code: number, reason: string, wasClean: boolean): void;
  /** So many bytes of messages have reached the relay. */
  drained(bytes: number): void;
}

export interface Core {
  /**
   * Takes a message of the page, of a frame's type, or its close: then `bytes` are code and reason, or nothing. They may
   * be undefined for now: until they are set, all that comes behind it waits.
   */
  send(type: number, bytes?: string): Queued;
  /** The first unit that is not acked; when all are, the number of the next. */
  first: number;
  /** The frame of unit `number`, which is not acked; empty when there is none yet. */
  frame(number: number): string;
  /** All units up to `number` have reached the relay. */
  acked(number: number): void;
  /** The last unit that came. */
  received: number;
  /** A unit from the relay. False when one before it is missing. */
  unit(number: number, message: Message): boolean;
}

/** Something to send. */
export interface Queued {
  type: number;
  bytes?: string;
}

interface Unit {
  frame: string;
  /** What the page is told of it by `drained`. */
  drains: number;
}

export function makeCore(on: CoreEvents): Core {
  const queue: Queued[] = [];
  /** Cut and not acked; the first has the number `core.first`. */
  const units: Unit[] = [];
  let parts: string[] = [];
  let binary = false;

  /** Cuts what can be sent into units. */
  function cut(): void {
    let message;
    let bytes;
    while ((message = queue[0]) && (bytes = message.bytes) !== undefined) {
      let at = 0;
      do {
        const payload = bytes.substr(at, UNIT_BYTES_MAX);
        at += UNIT_BYTES_MAX;
        units.push({
          frame: frame(message.type + (at < bytes.length ? MORE : 0), payload),
          drains: message.type == CLOSE ? 0 : payload.length,
        });
      } while (at < bytes.length);
      queue.shift();
    }
  }

  const core: Core = {
    first: 1,
    received: 0,
    send: function (type, bytes) {
      const message = { type: type, bytes: bytes };
      queue.push(message);
      return message;
    },
    frame: function (number) {
      cut();
      const unit = units[number - core.first];
      return unit ? unit.frame : '';
    },
    acked: function (number) {
      let bytes = 0;
      while (core.first <= number && units[0]) {
        bytes += units.shift()!.drains;
        core.first++;
      }
      if (bytes) on.drained(bytes);
    },
    unit: function (number, message) {
      if (number != core.received + 1) return number <= core.received;
      core.received++;
      const data = message.data;
      if (message.code) on.closed(message.code, message.reason!, message.wasClean!);
      else if (data === undefined) on.opened(message.protocol!);
      else {
        // A message is of the type of its first fragment.
        if (!parts.length) binary = message.type == 'binary';
        parts.push(data);
        if (!message.more) {
          const whole = parts.join('');
          parts = [];
          on.message(whole, binary);
        }
      }
      return true;
    },
  };
  return core;
}
