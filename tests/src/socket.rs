//! A WebSocket client, frame by frame, for tests that say what they expect next.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::ask::{begin, whole};
use crate::http1::Head;
use crate::patience::PATIENCE;
use crate::websocket::{self, Frame, FrameReader, opcode};

/// An open connection. Whatever takes longer than [`PATIENCE`], or is not what a method waits for, panics.
#[derive(Debug)]
pub struct Socket {
    /// The answer to the handshake.
    pub head: Head,
    /// What comes.
    pub reader: FrameReader<OwnedReadHalf>,
    /// What goes, for tests that say more than [`send`](Self::send) can.
    pub writer: OwnedWriteHalf,
}

impl Socket {
    /// Connects.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::try_open(address, path, &[]).await.unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    /// Connects with these headers, which may be others for those of the handshake; or the answer that refuses it.
    pub async fn try_open(address: SocketAddr, path: &str, more: &[(&str, &str)]) -> Result<Self, Answer> {
        let (usual, key) = websocket::client_headers("");
        let is_other = |name: &str| more.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let usual = usual.iter().filter(|(name, _)| !is_other(name));
        let mut headers: Vec<_> = usual.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.extend(more);
        let (head, reader) = begin(address, "GET", path, &headers, b"").await.expect("an answer");
        if head.status() != 101 {
            return Err(whole(head, reader).await.expect("a whole answer"));
        }
        assert!(websocket::is_accepted(&head, &key), "{head:?}");
        let (stream, rest) = reader.into_parts();
        let (read, writer) = stream.into_split();
        Ok(Self { head, reader: FrameReader::new(read, &rest), writer })
    }

    /// The next frame that is no ping; none at the end of the connection, proper or not.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = timeout(PATIENCE, self.reader.next()).await.expect("a frame");
            let frame = frame.unwrap_or(None);
            if frame.as_ref().is_none_or(|frame| frame.opcode != opcode::PING) {
                return frame;
            }
        }
    }

    /// The next message, which is text.
    pub async fn text(&mut self) -> String {
        let frame = self.next().await.expect("a message");
        assert_eq!(frame.opcode, opcode::TEXT, "{frame:?}");
        String::from_utf8(frame.payload.to_vec()).expect("UTF-8")
    }

    /// The next message, which is JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Sends a text.
    pub async fn say(&mut self, text: &str) {
        self.send(Frame::new(opcode::TEXT, text.to_owned())).await;
    }

    /// Sends a frame, masked.
    pub async fn send(&mut self, frame: Frame) {
        websocket::send(&mut self.writer, &frame.masked()).await.expect("an open connection");
    }

    /// Sends a text and takes the next one.
    pub async fn ask(&mut self, text: &str) -> String {
        self.say(text).await;
        self.text().await
    }

    /// Nothing has come that was not taken: a ping is answered next.
    pub async fn silent(&mut self) {
        self.send(Frame::new(opcode::PING, "there?")).await;
        let frame = self.next().await.expect("a pong");
        assert_eq!((frame.opcode, &frame.payload[..]), (opcode::PONG, &b"there?"[..]), "{frame:?}");
    }

    /// The close frame that comes next, which is answered, and the end of the connection.
    pub async fn closed(mut self) -> (Option<u16>, String) {
        let frame = self.next().await.expect("a close frame");
        assert_eq!(frame.opcode, opcode::CLOSE, "{frame:?}");
        let said = frame.close_code();
        self.send(Frame::close(said.0, "")).await;
        assert_eq!(self.next().await, None);
        said
    }

    /// Closes, and takes what comes next.
    pub async fn close(mut self, code: u16) -> Option<Frame> {
        self.send(Frame::close(Some(code), "bye")).await;
        self.next().await
    }
}
