//! Upstream WebSockets: from a target to an open one.

mod handshake;

use polysocket_outbound::{Dialer, Target, UpstreamStream};
use polysocket_protocol::Word;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Bytes read at once. Small, because every idle upstream owns this much; a large message grows it for its time.
const READ_BUFFER_BYTES: usize = 512;
/// Small messages that are ready together leave in one write.
const WRITE_BUFFER_BYTES: usize = 4096;
/// Bound of what a single write may leave behind when the upstream does not read: one message, and control frames.
const WRITE_BACKLOG_BYTES: usize = 1024 * 1024;

/// An upstream.
pub(crate) type Socket = WebSocketStream<UpstreamStream>;

/// What to dial, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub(crate) target: Target,
    pub(crate) protocols: Vec<String>,
    /// The `Origin` header.
    pub(crate) origin: Option<String>,
    pub(crate) message_bytes_max: usize,
}

/// An open upstream.
pub(crate) struct Opened {
    pub(crate) socket: Socket,
    /// The subprotocol it chose, or empty.
    pub(crate) protocol: String,
}

/// Why there is none: the word for the client, and what happened for the log.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) word: Word,
    pub(crate) detail: String,
}

/// Dials the target and shakes hands, until `deadline`.
pub(crate) async fn open(dialer: &Dialer, dial: &Dial, deadline: Instant) -> Result<Opened, Failure> {
    let opening = async {
        let connection = dialer
            .connect(&dial.target)
            .await
            .map_err(|error| Failure { word: error.word(), detail: error.to_string() })?;
        let shaken = handshake::shake_hands(connection.stream, dial)
            .await
            .map_err(|why| Failure { word: Word::UpstreamRefused, detail: why.to_string() })?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BACKLOG_BYTES.max(dial.message_bytes_max + WRITE_BUFFER_BYTES * 2))
            .max_message_size(Some(dial.message_bytes_max))
            .max_frame_size(Some(dial.message_bytes_max));
        let (stream, ahead) = (shaken.stream, shaken.ahead);
        let socket = WebSocketStream::from_partially_read(stream, ahead, Role::Client, Some(config)).await;
        Ok(Opened { socket, protocol: shaken.protocol })
    };
    let late = Failure { word: Word::Timeout, detail: "the handshake was not complete in time".into() };
    timeout_at(deadline, opening).await.unwrap_or(Err(late))
}
