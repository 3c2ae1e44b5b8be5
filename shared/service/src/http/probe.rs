//! `/probe`: a WebSocket that says one thing and ends, so that a client learns whether the network lets WebSockets
//! through, without a session and before it has one.

use std::time::Duration;

use ::http::{Request, StatusCode};
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::any;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::upgrade::Handshake;
use crate::Lifecycle;

/// Until the client has closed in turn; its answer takes one round trip.
const CLOSING: Duration = Duration::from_secs(5);

/// A text message `1`, and a close 1000 behind it (RFC 6455, sections 5.2 and 5.5.1; from servers unmasked). They are
/// two writes: what waits for a whole message of the other side has the first.
const MESSAGE: [u8; 3] = [0x81, 1, b'1'];
const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xe8];

/// What a client may send: its close, at most a control frame (125 bytes) with head and mask.
const ANSWER_BYTES_MAX: usize = 131;

/// `/probe`. From any page, without a token: it tells nothing and costs a handshake.
pub fn probe_routes(life: &Lifecycle) -> Router {
    let life = life.clone();
    let serve = move |mut request: Request<axum::body::Body>| {
        let life = life.clone();
        async move {
            match Handshake::of(&mut request) {
                Ok(Handshake { response, upgrade }) => {
                    life.spawn(async move {
                        if let Ok(upgraded) = upgrade.await {
                            // A peer that hangs is not waited for; nothing else can be learnt from its end.
                            let _ = timeout(CLOSING, speak(upgraded)).await;
                        }
                    });
                    response.map(|()| axum::body::Body::empty())
                }
                Err(not) => (StatusCode::UPGRADE_REQUIRED, [("upgrade", "websocket")], not.to_string())
                    .into_response(),
            }
        }
    };
    Router::new().route("/probe", any(serve))
}

async fn speak(upgraded: Upgraded) -> std::io::Result<()> {
    let mut socket = TokioIo::new(upgraded);
    socket.write_all(&MESSAGE).await?;
    socket.flush().await?;
    socket.write_all(&CLOSE).await?;
    socket.flush().await?;
    // Its close, or that it has gone: either way the rest is ours (RFC 6455, section 7.1.1).
    let _answer = socket.read(&mut [0; ANSWER_BYTES_MAX]).await?;
    socket.shutdown().await
}
