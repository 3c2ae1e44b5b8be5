/** What the ways down have in common. */

import { fromBase64 } from './bytes';
import { Call, Stop } from './call';
import { Core } from './core';
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

export interface Receiver {
  stop: Stop;
  /** Sends what the core has, where the receiver carries both ways. */
  pump?(): void;
}

/** One way down, and the way up that belongs to it. */
export interface Transport {
  receive(link: Link): Receiver;
  /** How the page sends; none where the receiver carries both ways. */
  call?: Call;
  /** It ends with what it brings; others go on. */
  polls?: boolean;
}

/** A message as it came in JSON. */
export function fromJson(message: Message): Message {
  if (message.type == 'binary') message.data = fromBase64(message.data!);
  return message;
}
