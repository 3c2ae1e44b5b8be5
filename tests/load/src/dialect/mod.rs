//! The polling protocol of each subject as a page speaks it: pure, no I/O.
//!
//! [`crate::client::Session`] drives a dialect: it writes what the dialect
//! encodes, and hands it every answer.

mod baseline;
mod engineio;
mod polysocket;
mod sockjs;

pub use baseline::Baseline;
pub use engineio::EngineIo;
pub use polysocket::Polysocket;
pub use sockjs::SockJs;

use crate::client::Answer;
use crate::error::{Error, Result};

/// How a session is ended by its page.
#[derive(Debug, PartialEq, Eq)]
pub enum Closing {
    /// A request that was encoded says so; the polls tell when it is done.
    Said,
    /// By breaking the parked poll, as the protocol has no word for it.
    HangUp,
}

/// One session as its page sees it.
pub trait Dialect: Send {
    /// Encodes the request that creates the session.
    fn create(&mut self, out: &mut Vec<u8>);
    fn created(&mut self, answer: Answer<'_>) -> Result<()>;

    /// Encodes the next poll.
    fn poll(&mut self, out: &mut Vec<u8>);
    /// Takes a poll's answer apart; what it carried goes to `inbox`.
    fn polled(&mut self, answer: Answer<'_>, inbox: &mut Inbox) -> Result<()>;

    /// Encodes the sending of one text message.
    fn send(&mut self, message: &str, out: &mut Vec<u8>);
    /// Takes the answer to a send, or to a close that was said.
    fn sent(&mut self, answer: Answer<'_>) -> Result<()>;

    /// Encodes the close, where the protocol has one.
    fn close(&mut self, out: &mut Vec<u8>) -> Closing;

    /// What must come back for `message`: the same, from everything that has
    /// an upstream.
    fn echo_of<'a>(&'a self, message: &'a str) -> &'a str {
        message
    }
}

/// What the polls of one exchange have brought so far.
#[derive(Debug, Default)]
pub struct Inbox {
    text: String,
    complete: bool,
    closed: bool,
}

impl Inbox {
    pub fn clear(&mut self) {
        self.text.clear();
        self.complete = false;
        self.closed = false;
    }

    /// One message, or the next fragment of one.
    pub fn push(&mut self, text: &str, more: bool) -> Result<()> {
        if self.complete {
            return Err(Error::Answer(format!("a second message for one that was sent: {text:.80}")));
        }
        self.text.push_str(text);
        self.complete = !more;
        Ok(())
    }

    /// The session has ended and the subject knows that the page knows.
    pub fn set_closed(&mut self) {
        self.closed = true;
    }

    pub fn message(&self) -> Option<&str> {
        self.complete.then_some(&self.text)
    }

    pub fn closed(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fragments_make_one_message() {
        let mut inbox = Inbox::default();
        inbox.push("ab", true).unwrap();
        assert_eq!(inbox.message(), None);
        inbox.push("c", false).unwrap();
        assert_eq!(inbox.message(), Some("abc"));
    }

    #[test]
    fn a_second_message_is_an_error() {
        let mut inbox = Inbox::default();
        inbox.push("one", false).unwrap();
        assert!(inbox.push("one", false).is_err());
        inbox.clear();
        inbox.push("two", false).unwrap();
        assert_eq!(inbox.message(), Some("two"));
    }
}
