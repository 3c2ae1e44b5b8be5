//! Listeners: by WebSocket as in the original, by server-sent events, by long polls.

pub(crate) mod events;
mod outbox;
pub(crate) mod poll;
mod visit;
pub(crate) mod websocket;

use polysocket_broker::FRAME_VARIANTS;

/// A message as a WebSocket frame, shared by all WebSockets of its channel.
const AS_FRAME: usize = 0;
/// A message as a server-sent event, shared by all event streams of its channel.
const AS_EVENT: usize = 1;

const _: () = assert!(AS_FRAME < FRAME_VARIANTS && AS_EVENT < FRAME_VARIANTS);
