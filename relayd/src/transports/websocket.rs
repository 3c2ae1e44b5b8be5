//! `/w`: a WebSocket to the relay, for networks that block only the way to the target. Both ways, in frames.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use futures_util::{SinkExt, StreamExt};
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use polysocket_protocol::frame::Frame;
use polysocket_protocol::limits::WINDOW_UNITS;
use polysocket_protocol::{Kind, Unit, Word, close};
use polysocket_service::http::{Body, Handshake};
use polysocket_session::{Sent, Style, Take};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::stream::{Format, Frames};
use super::{STREAM_CHUNK_BYTES, attach_stream};
use crate::answer::Manner;
use crate::node::Node;
use crate::query::Params;
use crate::sessions::{Cell, Receiver, Tried};

const READ_BUFFER_BYTES: usize = 1024;
/// A page that takes nothing for so long has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes a frame adds to its payload.
const FRAME_HEAD_BYTES: usize = 16;

/// Answers the handshake (RFC 6455, section 4.2) and carries on in a task of its own.
pub(crate) fn serve(
    node: &Arc<Node>,
    cell: &Arc<Cell>,
    params: &Params,
    manner: Manner,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let Handshake { response, upgrade } = match Handshake::of(&mut request) {
        Ok(handshake) => handshake,
        Err(not) => return manner.refusal(Word::Bad, Some(&not.to_string())).into_response(),
    };
    // What the page has not acked yet is where it begins when it does not say.
    let ack = params.ack.unwrap_or_else(|| cell.with(|session, _| session.nothing().seq - 1));
    let receiver = match cell.attach(&attach_stream(params, Style::Socket, Some(ack))) {
        Ok(Some(receiver)) => receiver,
        Ok(None) => return manner.refusal(Word::Gone, None).into_response(),
        Err(word) => return manner.refusal(word, None).into_response(),
    };
    let max = node.limits.message_bytes_max + FRAME_HEAD_BYTES;
    node.life.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BUFFER_BYTES)
                .write_buffer_size(0)
                .max_message_size(Some(max))
                .max_frame_size(Some(max));
            let socket =
                WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            carry(socket, receiver).await;
        }
    });
    response.map(|()| Body::empty())
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The numbers of one such WebSocket.
struct Carried {
    receiver: Receiver,
    /// The number of the page's next unit, once it has said where it begins.
    next_up: Option<u64>,
    /// Units that wait for room. At most a window of them, as the page may send no more without an ack; its acks are
    /// read meanwhile, without which neither side might ever move.
    waiting: VecDeque<(u64, Unit)>,
}

/// Until either side ends it. The session goes on without it.
async fn carry(mut socket: Socket, receiver: Receiver) {
    let first = receiver.cell().with(|session, _| session.nothing());
    let mut carried = Carried { receiver, next_up: None, waiting: VecDeque::new() };
    let mut frames = Frames::default();
    let mut out = Vec::new();
    frames.start(&mut out, &first, 0);
    let mut going = write(&mut socket, out).await;
    while going {
        let cell = carried.receiver.cell().clone();
        let room = cell.senders().notified();
        tokio::pin!(room);
        // Before the session is asked, so that no wake is missed.
        room.as_mut().enable();
        let later = match carried.send_waiting() {
            Ok(later) => later,
            Err(word) => return end(&mut socket, word).await,
        };
        let waits = !carried.waiting.is_empty();
        tokio::select! {
            taken = carried.receiver.take(STREAM_CHUNK_BYTES) => {
                let (out, over) = down(&mut frames, taken);
                going = write(&mut socket, out).await && !over;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if let Err(word) = carried.up(bytes) {
                        return end(&mut socket, word).await;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Frame(_))) => return end(&mut socket, Word::Bad).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = room, if waits => {}
            () = sleep_until(later.unwrap_or_else(Instant::now)), if later.is_some() => {}
        }
    }
    let _ = timeout(WRITE_TIMEOUT, socket.close(None)).await;
}

/// What goes down for what was taken, and whether it is the last.
fn down(frames: &mut Frames, taken: Take) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    match taken {
        Take::Units(batch) => frames.batch(&mut out, &batch),
        Take::Heartbeat(batch) => frames.heartbeat(&mut out, batch.ack),
        Take::Over(_) | Take::Gone | Take::Pending => {
            frames.end(&mut out);
            return (out, true);
        }
    }
    (out, false)
}

impl Carried {
    /// Takes a message of frames from the page.
    fn up(&mut self, bytes: Bytes) -> Result<(), Word> {
        for frame in Frame::read_all(bytes).map_err(|_| Word::Bad)? {
            match frame {
                Frame::Start(number) => self.next_up = Some(number),
                Frame::Ack(number) => self.receiver.cell().with(|session, now| session.ack(now, number))?,
                Frame::Unit(unit) if unit.kind != Kind::Open => {
                    let number = self.next_up.ok_or(Word::Bad)?;
                    self.next_up = Some(number + 1);
                    self.waiting.push_back((number, unit));
                    self.send_waiting()?;
                    if self.waiting.len() as u64 > WINDOW_UNITS {
                        return Err(Word::Window);
                    }
                }
                Frame::Heartbeat | Frame::End => {}
                Frame::Unit(_) => return Err(Word::Bad),
            }
        }
        Ok(())
    }

    /// Sends what can be; when to try again, if that is for the time to tell.
    fn send_waiting(&mut self) -> Result<Option<Instant>, Word> {
        while let Some((number, unit)) = self.waiting.front() {
            match self.receiver.cell().try_send(Some(*number), unit) {
                Tried::Later(at) => return Ok(Some(at)),
                Tried::Sent(Sent::Accepted(_)) => drop(self.waiting.pop_front()),
                Tried::Sent(Sent::Wait(_)) => break,
                // The page learns of an end by its own unit.
                Tried::Sent(Sent::Refused(Word::Closed)) => self.waiting.clear(),
                Tried::Sent(Sent::Refused(word)) => return Err(word),
            }
        }
        Ok(None)
    }
}

async fn write(socket: &mut Socket, frames: Vec<u8>) -> bool {
    matches!(timeout(WRITE_TIMEOUT, socket.send(Message::Binary(frames.into()))).await, Ok(Ok(())))
}

/// A page that broke a rule: this WebSocket ends, with the word as its reason.
async fn end(socket: &mut Socket, word: Word) {
    let frame = CloseFrame { code: CloseCode::from(close::PROTOCOL_ERROR), reason: word.as_str().into() };
    let _ = timeout(WRITE_TIMEOUT, socket.close(Some(frame))).await;
}
