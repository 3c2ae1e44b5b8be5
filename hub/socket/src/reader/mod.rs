//! Frames of a client from bytes, as they come: RFC 6455, sections 5 and 8.1. No socket, no clock.
//!
//! Between frames a reader owns nothing but a few words. What it holds of an unfinished message is what has arrived
//! of it, never what was announced.

mod head;
mod mask;
mod violation;

use bytes::Bytes;

use crate::{Incoming, Utf8};
pub use head::{CONTROL_BYTES_MAX, Opcode};
use head::{HEAD_BYTES_MAX, Head};
pub use violation::Violation;

/// Fragments without payload in one message. They are allowed, and would otherwise be the one thing of which a
/// message could have any number.
const EMPTY_FRAGMENTS_MAX: u32 = 100;
/// A message that is announced as no longer than this gets a buffer of its length at once; longer ones grow.
const AT_ONCE_BYTES: usize = 16 * 1024;

/// What a client has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole message.
    Message(Incoming),
    /// A ping; a pong with the same payload is due.
    Ping(Bytes),
    /// A pong, whatever it answers.
    Pong,
    /// A close frame: code and reason, or none. Nothing after it counts.
    Close(Option<(u16, String)>),
}

/// The head of a frame that has not wholly arrived.
#[derive(Debug, Default)]
struct Partial {
    bytes: [u8; HEAD_BYTES_MAX],
    have: usize,
}

/// A frame whose head has been read.
#[derive(Debug)]
struct Frame {
    head: Head,
    /// Bytes of its payload that have been taken.
    taken: usize,
}

/// A data message that has begun.
#[derive(Debug)]
struct Message {
    is_text: bool,
    /// Bytes of a text that have been found to be UTF-8.
    checked: usize,
    empty_fragments: u32,
}

/// Reads what one client sends.
#[derive(Debug)]
pub struct Reader {
    message_bytes_max: usize,
    partial: Partial,
    frame: Option<Frame>,
    message: Option<Message>,
    /// What has come of the message.
    payload: Vec<u8>,
    /// What has come of a control frame, which may stand between a message's fragments.
    control: Vec<u8>,
}

impl Reader {
    /// Of messages of at most `message_bytes_max`.
    pub fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            partial: Partial::default(),
            frame: None,
            message: None,
            payload: Vec::new(),
            control: Vec::new(),
        }
    }

    /// Takes bytes from the front of `input` until something is complete; none: all have been taken, and nothing was.
    ///
    /// After a violation, or a close, the reader must not be used again.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.head(input)? {
                    Some(head) => Frame { head, taken: 0 },
                    None => return Ok(None),
                },
            };
            match self.take_payload(frame, input)? {
                Progress::Event(event) => return Ok(Some(event)),
                Progress::Fragment => {}
                Progress::Starved => return Ok(None),
            }
        }
    }

    /// Bytes it holds of what is not complete.
    pub fn held_bytes(&self) -> usize {
        self.partial.have + self.payload.len() + self.control.len()
    }

    fn head(&mut self, input: &mut &[u8]) -> Result<Option<Head>, Violation> {
        let Partial { bytes, have } = &mut self.partial;
        // Mostly all of it is there; else what came is joined.
        let joined = *have;
        let (read, looked_at) = if joined == 0 {
            (Head::read(input)?, input.len())
        } else {
            let more = input.len().min(HEAD_BYTES_MAX - joined);
            bytes[joined..joined + more].copy_from_slice(&input[..more]);
            (Head::read(&bytes[..joined + more])?, more)
        };
        let Some((head, length)) = read else {
            if joined == 0 {
                bytes[..looked_at].copy_from_slice(input);
            }
            *have += looked_at;
            *input = &input[looked_at..];
            return Ok(None);
        };
        *have = 0;
        *input = &input[length - joined..];
        self.begin(&head)?;
        Ok(Some(head))
    }

    /// Checks a frame against those before it.
    fn begin(&mut self, head: &Head) -> Result<(), Violation> {
        match (head.opcode, &self.message) {
            (Opcode::Continuation, None) => return Err(Violation::NothingToContinue),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Violation::NotContinued),
            (Opcode::Text | Opcode::Binary, None) => {
                let is_text = head.opcode == Opcode::Text;
                self.message = Some(Message { is_text, checked: 0, empty_fragments: 0 });
            }
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => return Ok(()),
        }
        match usize::try_from(head.length) {
            Ok(length) if length <= self.message_bytes_max - self.payload.len() => Ok(()),
            _ => Err(Violation::TooBig),
        }
    }

    /// Takes what there is of a frame's payload.
    fn take_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Result<Progress, Violation> {
        // `begin` has bounded the length of messages, and that of control frames is at most 125.
        let left = usize::try_from(frame.head.length).unwrap_or(usize::MAX) - frame.taken;
        let (bytes, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        let control = frame.head.opcode.is_control();
        let target = if control { &mut self.control } else { &mut self.payload };
        if target.is_empty() && left <= AT_ONCE_BYTES {
            target.reserve_exact(left);
        }
        let start = target.len();
        target.extend_from_slice(bytes);
        mask::apply(&mut target[start..], frame.head.mask, frame.taken);
        frame.taken += bytes.len();
        if bytes.len() < left {
            self.frame = Some(frame);
            if !control {
                self.check_text()?;
            }
            return Ok(Progress::Starved);
        }
        if control {
            let payload = std::mem::take(&mut self.control);
            return control_event(frame.head.opcode, payload).map(Progress::Event);
        }
        if frame.head.fin {
            return self.message().map(Progress::Event);
        }
        self.check_text()?;
        if frame.head.length == 0
            && let Some(message) = &mut self.message
        {
            message.empty_fragments += 1;
            if message.empty_fragments > EMPTY_FRAGMENTS_MAX {
                return Err(Violation::EmptyFragments);
            }
        }
        Ok(Progress::Fragment)
    }

    /// Checks what has come of a text, so that one that cannot become UTF-8 any more ends here and not at its end.
    fn check_text(&mut self) -> Result<(), Violation> {
        let Some(message) = self.message.as_mut().filter(|message| message.is_text) else { return Ok(()) };
        match std::str::from_utf8(&self.payload[message.checked..]) {
            Ok(_) => message.checked = self.payload.len(),
            // A character that has begun.
            Err(error) if error.error_len().is_none() => message.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }

    /// The message, which is complete.
    fn message(&mut self) -> Result<Event, Violation> {
        let is_text = self.message.take().is_some_and(|message| message.is_text);
        let mut payload = std::mem::take(&mut self.payload);
        // It may be kept for long, in a history for instance.
        payload.shrink_to_fit();
        if !is_text {
            return Ok(Event::Message(Incoming::Binary(payload.into())));
        }
        match String::from_utf8(payload) {
            Ok(text) => Ok(Event::Message(Incoming::Text(Utf8::from(text)))),
            Err(_) => Err(Violation::NotUtf8),
        }
    }
}

enum Progress {
    Event(Event),
    /// A fragment has ended, its message has not.
    Fragment,
    /// The frame goes on with bytes that have not come.
    Starved,
}

fn control_event(opcode: Opcode, payload: Vec<u8>) -> Result<Event, Violation> {
    match opcode {
        Opcode::Ping => Ok(Event::Ping(payload.into())),
        Opcode::Pong => Ok(Event::Pong),
        _ => close_event(&payload),
    }
}

fn close_event(payload: &[u8]) -> Result<Event, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(Event::Close(None)) } else { Err(Violation::CloseOfOneByte) };
    };
    let code = u16::from_be_bytes(*code);
    // Section 7.4, and what IANA has registered since; the rest is reserved, or must not be on the wire.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::CloseCode);
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Event::Close(Some((code, reason.to_owned()))))
}

#[cfg(test)]
mod tests;
