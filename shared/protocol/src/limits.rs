//! The protocol's own limits. What operators may change is in the configuration of the relay.

/// Longest callback name.
pub const CALLBACK_BYTES_MAX: usize = 64;
/// Shortest time a poll may be parked, ms.
pub const TTL_MS_MIN: u64 = 1_000;
/// Longest time a poll may be parked, ms: under the 60 s at which common proxies give up.
pub const TTL_MS_MAX: u64 = 50_000;
/// Time a poll is parked when it does not say, ms: under the 30 s at which the strictest hosts give up.
pub const TTL_MS_DEFAULT: u64 = 25_000;
/// Time between heartbeats of a stream that does not say, ms.
pub const STREAM_TTL_MS_DEFAULT: u64 = 15_000;
/// Longest pause a client may ask for, ms.
pub const PAUSE_MS_MAX: u64 = 120_000;
/// How far ahead of the expected number a send may be.
pub const WINDOW_UNITS: u64 = 8;
/// Most frames of one body or WebSocket message.
pub const FRAMES_MAX: usize = 1000;
/// Largest payload of a down unit, bytes. Small enough that a network which cuts every answer after some
/// 20 kB still makes progress, large enough that the 5 bytes of a frame do not matter.
pub const UNIT_BYTES_MAX: usize = 16 * 1024;
/// Smallest budget a poll may ask for, bytes.
pub const POLL_BYTES_MIN: usize = 1024;
/// Bytes of units one JSON answer may carry when the poll does not say; one unit always fits.
pub const POLL_BYTES_MAX: usize = 256 * 1024;
/// Bytes of units one stream carries when it does not say, until it ends and the client opens the next:
/// some engines keep all of a response in memory.
pub const STREAM_BYTES_DEFAULT: usize = 1024 * 1024;
/// Longest reason of a close, bytes of UTF-8 (RFC 6455, section 5.5: 125 less the code).
pub const REASON_BYTES_MAX: usize = 123;
/// Largest number of a unit: what every script engine can count to exactly.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
/// Longest target, bytes.
pub const TARGET_BYTES_MAX: usize = 2048;
/// Most subprotocols one create may offer.
pub const SUBPROTOCOLS_MAX: usize = 32;

const _: () = assert!(TTL_MS_MIN < TTL_MS_DEFAULT && TTL_MS_DEFAULT < TTL_MS_MAX);
const _: () = assert!(UNIT_BYTES_MAX < POLL_BYTES_MAX && POLL_BYTES_MAX < STREAM_BYTES_DEFAULT);

/// `ttl` as the relay takes it.
pub fn clamp_ttl(asked: Option<u64>, default: u64) -> u64 {
    asked.unwrap_or(default).clamp(TTL_MS_MIN, TTL_MS_MAX)
}
