//! The model's connection to the target.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::Mistake;
use super::session::{Session, ToTarget};
use crate::client::{Close, Kind, Message};
use crate::http1::{Head, Reader};
use crate::websocket::{self, Frame, FrameReader, opcode};

/// Dials a `ws:` URL and starts to carry messages.
pub(super) async fn dial(url: &str, protocols: &str, mistake: Mistake) -> io::Result<Arc<Session>> {
    let rest = url.strip_prefix("ws://").ok_or(io::ErrorKind::InvalidInput)?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let (mut headers, key) = websocket::client_headers(protocols);
    headers.insert(0, ("Host".into(), authority.into()));
    let request = Head { start: format!("GET {path} HTTP/1.1"), headers };
    tokio::io::AsyncWriteExt::write_all(&mut write, &request.encode()).await?;
    let mut reader = Reader::new(read);
    let answer = reader.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    if !websocket::is_accepted(&answer, &key) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let protocol = answer.header("sec-websocket-protocol").unwrap_or_default().to_owned();
    let (read, rest) = reader.into_parts();
    let (to_target, outgoing) = mpsc::unbounded_channel();
    let session = Arc::new(Session::new(mistake, protocol, to_target));
    let (pongs, pings) = mpsc::unbounded_channel();
    tokio::spawn(write_all(write, outgoing, pings));
    let reading = session.clone();
    tokio::spawn(async move {
        let close = read_all(&reading, FrameReader::new(read, &rest), &pongs).await;
        reading.close(close.unwrap_or_else(|_| Close::abnormal()));
    });
    Ok(session)
}

async fn write_all(
    mut write: OwnedWriteHalf,
    mut outgoing: mpsc::UnboundedReceiver<ToTarget>,
    mut answers: mpsc::UnboundedReceiver<Frame>,
) {
    loop {
        let frame = tokio::select! {
            Some(answer) = answers.recv() => answer,
            next = outgoing.recv() => match next {
                Some(ToTarget::Message(message)) => {
                    Frame::new(if message.kind == Kind::Text { opcode::TEXT } else { opcode::BINARY }, message.data)
                }
                Some(ToTarget::Close(close)) => Frame::close((close.code != 1005).then_some(close.code), &close.reason),
                None => return,
            },
        };
        if websocket::send(&mut write, &frame.masked()).await.is_err() {
            return;
        }
    }
}

async fn read_all(
    session: &Session,
    mut frames: FrameReader<OwnedReadHalf>,
    answers: &mpsc::UnboundedSender<Frame>,
) -> io::Result<Close> {
    let mut partial: Option<(Kind, Vec<u8>)> = None;
    while let Some(frame) = frames.next().await? {
        match frame.opcode {
            opcode::PING => drop(answers.send(Frame::new(opcode::PONG, frame.payload))),
            opcode::PONG => {}
            opcode::CLOSE => {
                let (code, reason) = frame.close_code();
                drop(answers.send(Frame::close(code, &reason)));
                return Ok(Close { code: code.unwrap_or(1005), reason, clean: true, error: None });
            }
            code => {
                let first = if code == opcode::TEXT { Kind::Text } else { Kind::Binary };
                let (kind, mut data) = partial.take().unwrap_or((first, Vec::new()));
                data.extend_from_slice(&frame.payload);
                if frame.fin {
                    session.message(&Message { kind, data: data.into() });
                } else {
                    partial = Some((kind, data));
                }
            }
        }
    }
    Ok(Close::abnormal())
}
