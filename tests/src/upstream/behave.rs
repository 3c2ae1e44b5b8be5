//! What happens on a connection after its handshake.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::script::Script;
use super::seen::Register;
use crate::client::{Kind, Message};
use crate::history::{History, Side};
use crate::websocket::{self, Frame, FrameReader, opcode};

/// Without a frame for so long, a connection is given up; more than the relay's idle time and pause.
const SILENCE_MAX: Duration = Duration::from_secs(180);
/// Every so many messages of `/duplex` go in two WebSocket fragments.
const FRAGMENTED_EVERY: u64 = 7;

/// What a connection gave, joined and with its pings answered.
enum Input {
    Message(Message),
    Pong,
    Close(Option<u16>, String),
}

struct Connection<'a> {
    register: &'a Register,
    number: usize,
    frames: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    partial: Option<(Kind, Vec<u8>)>,
}

pub(super) async fn run(
    script: &Script,
    register: &Register,
    number: usize,
    frames: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
) -> io::Result<()> {
    let mut connection = Connection { register, number, frames, writer, partial: None };
    match script {
        Script::Echo { answers_close } => connection.echo(*answers_close).await,
        Script::Duplex { seed, send, expect, closes } => {
            connection.duplex(*seed, *send, *expect, *closes).await
        }
        Script::Number { count } => {
            for n in 1..=*count {
                connection.write(&Frame::new(opcode::TEXT, n.to_string())).await?;
            }
            connection.echo(true).await
        }
        Script::Fragments => {
            for (i, byte) in "fragments é".bytes().enumerate() {
                let code = if i == 0 { opcode::TEXT } else { opcode::CONTINUATION };
                connection.write(&Frame { fin: false, ..Frame::new(code, vec![byte]) }).await?;
                connection.write(&Frame::new(opcode::PING, vec![byte])).await?;
            }
            connection.write(&Frame::new(opcode::CONTINUATION, Bytes::new())).await?;
            connection.echo(true).await
        }
        Script::Ping { count } => {
            for n in 1..=*count {
                connection.write(&Frame::new(opcode::PING, n.to_string())).await?;
            }
            connection.echo(true).await
        }
        Script::Close { code, reason } => {
            connection.write(&Frame::close(*code, reason)).await?;
            connection.drain().await
        }
        Script::Stalled => {
            // Held open, unread, until the server stops or the other side is given up.
            tokio::time::sleep(SILENCE_MAX).await;
            Ok(())
        }
        Script::Bad(bad) => {
            for frame in bad.frames() {
                connection.write(&frame).await?;
            }
            connection.drain().await
        }
        Script::Die { reset } => {
            connection.write(&Frame::new(opcode::TEXT, "whole")).await?;
            let half = Frame::new(opcode::TEXT, "this message does not come to its end").encode();
            connection.writer.write_all(&half[..half.len() / 2]).await?;
            connection.die(*reset)
        }
        // These have no connection after the handshake.
        Script::Refuse { .. } | Script::Hang | Script::Half => Ok(()),
    }
}

impl Connection<'_> {
    async fn write(&mut self, frame: &Frame) -> io::Result<()> {
        websocket::send(&mut self.writer, frame).await
    }

    /// The end of a connection without a closing handshake.
    fn die(&self, reset: bool) -> io::Result<()> {
        if reset { self.writer.as_ref().set_zero_linger() } else { Ok(()) }
    }

    /// The next input; `None` at the end of the connection. What came is on record.
    async fn input(&mut self) -> io::Result<Option<Input>> {
        loop {
            let next =
                timeout(SILENCE_MAX, self.frames.next()).await.map_err(|_| io::ErrorKind::TimedOut)??;
            let Some(frame) = next else { return Ok(None) };
            if let Some(violation) = broken_rule(&frame) {
                self.register.update(self.number, |seen| seen.violation = Some(violation));
                return Ok(None);
            }
            match frame.opcode {
                opcode::PING => self.write(&Frame::new(opcode::PONG, frame.payload)).await?,
                opcode::PONG => {
                    self.register.update(self.number, |seen| seen.pongs += 1);
                    return Ok(Some(Input::Pong));
                }
                opcode::CLOSE => {
                    let (code, reason) = frame.close_code();
                    self.register.update(self.number, |seen| seen.close = Some((code, reason.clone())));
                    return Ok(Some(Input::Close(code, reason)));
                }
                _ => {
                    let first = if frame.opcode == opcode::TEXT { Kind::Text } else { Kind::Binary };
                    let (kind, mut data) = self.partial.take().unwrap_or((first, Vec::new()));
                    data.extend_from_slice(&frame.payload);
                    if frame.fin {
                        return Ok(Some(Input::Message(Message { kind, data: data.into() })));
                    }
                    self.partial = Some((kind, data));
                }
            }
        }
    }

    /// Records until the end, without sending anything.
    async fn drain(&mut self) -> io::Result<()> {
        while let Some(input) = self.input().await? {
            if let Input::Message(message) = input {
                self.register.update(self.number, |seen| seen.messages.push(message));
            }
        }
        Ok(())
    }

    async fn echo(&mut self, answers_close: bool) -> io::Result<()> {
        while let Some(input) = self.input().await? {
            match input {
                Input::Message(message) => {
                    self.register.update(self.number, |seen| seen.messages.push(message.clone()));
                    match command(&message) {
                        Some(Command::Close(code, reason)) => {
                            self.write(&Frame::close(Some(code), &reason)).await?;
                        }
                        Some(Command::Die) => return self.die(true),
                        None => self.write(&frame(&message)).await?,
                    }
                }
                Input::Close(code, reason) if answers_close => {
                    return self.write(&Frame::close(code, &reason)).await;
                }
                Input::Close(..) | Input::Pong => {}
            }
        }
        Ok(())
    }

    /// Sends and judges at the same time, so that neither direction waits for the other.
    async fn duplex(&mut self, seed: u64, count: u64, expect: u64, closes: bool) -> io::Result<()> {
        self.register.update(self.number, |seen| seen.history = Some(History::new(seed, Side::Page)));
        let (received_all, mut all_received) = mpsc::channel(1);
        let (close_seen, mut close_came) = mpsc::channel::<(Option<u16>, String)>(1);
        let Connection { register, number, frames, writer, .. } = self;
        let writer = Mutex::new(writer);
        let write = async |frame: &Frame| websocket::send(&mut **writer.lock().await, frame).await;
        let send = async {
            let mut history = History::new(seed, Side::Target);
            for n in 1..=count {
                let message = history.send();
                let whole = frame(&message);
                let half = message.data.len() / 2;
                if n % FRAGMENTED_EVERY == 0 {
                    let first = Frame { fin: false, payload: message.data.slice(..half), ..whole };
                    write(&first).await?;
                    let rest = Frame::new(opcode::CONTINUATION, message.data.slice(half..));
                    write(&rest).await?;
                } else {
                    write(&whole).await?;
                }
            }
            if closes {
                // The channel ends only with the connection, which then shows in the record.
                let _ = all_received.recv().await;
                write(&Frame::close(Some(3001), "all done")).await?;
            }
            if let Some((code, reason)) = close_came.recv().await
                && !closes
            {
                write(&Frame::close(code, &reason)).await?;
            }
            Ok(())
        };
        let receive = async {
            let mut partial: Option<(Kind, Vec<u8>)> = None;
            if expect == 0 {
                let _ = received_all.try_send(());
            }
            while let Ok(Ok(Some(frame))) = timeout(SILENCE_MAX, frames.next()).await {
                if let Some(violation) = broken_rule(&frame) {
                    register.update(*number, |seen| seen.violation = Some(violation));
                    break;
                }
                match frame.opcode {
                    opcode::PING => write(&Frame::new(opcode::PONG, frame.payload)).await?,
                    opcode::PONG => {}
                    opcode::CLOSE => {
                        let (code, reason) = frame.close_code();
                        register.update(*number, |seen| seen.close = Some((code, reason.clone())));
                        let _ = close_seen.try_send((code, reason));
                        break;
                    }
                    code => {
                        let first = if code == opcode::TEXT { Kind::Text } else { Kind::Binary };
                        let (kind, mut data) = partial.take().unwrap_or((first, Vec::new()));
                        data.extend_from_slice(&frame.payload);
                        if !frame.fin {
                            partial = Some((kind, data));
                            continue;
                        }
                        let message = Message { kind, data: data.into() };
                        let received = register.update(*number, |seen| {
                            let history = seen.history.as_mut()?;
                            // The verdict stays in the history.
                            let _ = history.receive(&message);
                            Some(history.received())
                        });
                        if received == Some(expect) {
                            let _ = received_all.try_send(());
                        }
                    }
                }
            }
            drop((received_all, close_seen));
            Ok::<(), io::Error>(())
        };
        tokio::try_join!(send, receive).map(|_| ())
    }
}

fn frame(message: &Message) -> Frame {
    let code = if message.kind == Kind::Text { opcode::TEXT } else { opcode::BINARY };
    Frame::new(code, message.data.clone())
}

/// What a client's frame must be (RFC 6455 sections 5.1, 5.2 and 5.5).
fn broken_rule(frame: &Frame) -> Option<String> {
    let control = frame.opcode & 0x8 != 0;
    if !frame.masked {
        Some("a frame of the client is not masked".into())
    } else if frame.rsv != 0 {
        Some("a reserved bit is set".into())
    } else if control && (!frame.fin || frame.payload.len() > 125) {
        Some("a control frame is fragmented or long".into())
    } else if frame.opcode == opcode::CLOSE
        && matches!(frame.close_code().0, Some(code) if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999))
    {
        Some(format!("close code {:?} is on the wire", frame.close_code().0))
    } else {
        None
    }
}

enum Command {
    Close(u16, String),
    Die,
}

fn command(message: &Message) -> Option<Command> {
    let text = std::str::from_utf8(&message.data).ok().filter(|_| message.kind == Kind::Text)?;
    if text == "die" {
        return Some(Command::Die);
    }
    let (code, reason) = text.strip_prefix("close ")?.split_once(' ')?;
    Some(Command::Close(code.parse().ok()?, reason.into()))
}
