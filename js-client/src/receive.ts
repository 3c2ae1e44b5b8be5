/** What the ways down have in common. */

import { Call, Stop } from './call';
import { Core } from './core';
import { root } from './engine';
import { FrameEvents, Message } from './frames';

/** What a receiver is given, and tells. Once it is stopped nobody listens. */
export interface Link extends FrameEvents {
  /** The address of this session at the relay: `path` is one of `j`, `x`, `e` and `w`. */
  url(path: string): string;
  core: Core;
  /** Units that may be under way up. */
  window: number;
  /** Broken. `code` is what the relay said, if it did. */
  failed(code?: string): void;
}

/** Stops it. */
export interface Receiver extends Stop {
  /** Sends what the core has, where the receiver carries both ways. */
  pump?(): void;
}

/** One way down, and the way up that belongs to it. */
export interface Transport {
  receive(this: Transport, link: Link): Receiver;
  /** How the page sends; none where the receiver carries both ways. */
  call?: Call;
  /** How long its first byte may take at least, ms; none where it comes when there is something to say. */
  patience?: number;
}

/** The type of a message that is no unit. */
export const IDLE = 'heartbeat';

/** A message as it came in JSON. Engines that cannot read base64 have no buffers either: there the page gets it as it is. */
export function fromJson(message: Message): Message {
  if (root.atob && message.type == 'binary') message.data = root.atob(message.data);
  return message;
}
