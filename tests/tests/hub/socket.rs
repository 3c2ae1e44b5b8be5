//! A WebSocket client that notices how its connection ends.

use std::net::SocketAddr;

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{Dialer, HttpClient};
use polysocket_tests::patience::PATIENCE;
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub struct Socket {
    reader: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// What the other side does.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Text(String),
    /// The connection is over: with a close frame, or it broke.
    Ended(Option<u16>, String),
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Refused {
    /// This answer.
    Status(u16),
    /// None.
    Unreachable,
}

impl Socket {
    pub async fn open(address: SocketAddr, path: &str) -> Result<Self, Refused> {
        let (headers, key) = websocket::client_headers("");
        let mut request = Request::get(&format!("{address}{path}"));
        request.headers.extend(headers);
        let answer = HttpClient::new(Dialer::direct()).open(&request, PATIENCE).await;
        let answer = answer.map_err(|_| Refused::Unreachable)?;
        if !websocket::is_accepted(&answer.head, &key) {
            return Err(Refused::Status(answer.head.status()));
        }
        let (read, rest, writer) = answer.upgrade();
        Ok(Self { reader: FrameReader::new(read, &rest), writer })
    }

    /// A connection that has broken is found by who listens.
    pub async fn say(&mut self, text: &str) {
        let _ = websocket::send(&mut self.writer, &Frame::new(opcode::TEXT, text.to_owned()).masked()).await;
    }

    /// The next text, or the end, whenever it comes.
    pub async fn hear(&mut self) -> Said {
        loop {
            let Ok(Some(frame)) = self.reader.next().await else {
                return Said::Ended(None, "broken".into());
            };
            match frame.opcode {
                opcode::TEXT => return Said::Text(String::from_utf8_lossy(&frame.payload).into_owned()),
                opcode::PING => self.answer(Frame::new(opcode::PONG, frame.payload)).await,
                opcode::CLOSE => {
                    let (code, reason) = frame.close_code();
                    self.answer(Frame::close(code, "")).await;
                    return Said::Ended(code, reason);
                }
                _ => {}
            }
        }
    }

    /// The same, for what has to come soon.
    pub async fn hear_soon(&mut self) -> Said {
        timeout(PATIENCE, self.hear()).await.expect("an answer in time")
    }

    async fn answer(&mut self, frame: Frame) {
        let _ = websocket::send(&mut self.writer, &frame.masked()).await;
    }
}
