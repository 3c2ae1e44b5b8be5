//! What the page sends, in order and once.

use polysocket_protocol::{Kind, Unit, Word, close};

use super::{Sent, Session};
use crate::Time;
use crate::inbox::{Place, Wait};
use crate::receiver::Style;

impl Session {
    /// A unit from the page, with its number if it has one. When it has to wait, the caller keeps it and sends it
    /// again: the session holds nothing for numbers that are ahead.
    pub fn send(&mut self, now: Time, number: Option<u64>, unit: &Unit) -> Sent {
        if let Err(word) = self.check_alive() {
            return Sent::Refused(word);
        }
        self.touch(now);
        if let Some(number) = number {
            match self.inbox.place(number, unit) {
                Place::Next => {}
                Place::Repeat => return Sent::Accepted(self.inbox.accepted()),
                Place::Ahead if self.inbox.is_closed() => return Sent::Refused(Word::Closed),
                Place::Ahead => return Sent::Wait(Wait::Gap),
                Place::Refused(word) => return self.refuse(now, word),
            }
        }
        if self.inbox.is_closed() {
            return Sent::Refused(Word::Closed);
        }
        if !self.inbox.has_room(unit.data.len(), self.limits.up_queue_bytes_max) {
            return Sent::Wait(Wait::Full);
        }
        if let Err(word) = self.inbox.accept(number, unit, self.limits.message_bytes_max) {
            return self.refuse(now, word);
        }
        self.signals.upstream = true;
        self.signals.senders = true;
        self.signals.receiver |=
            self.receiver.as_ref().is_some_and(|receiver| receiver.style == Style::Socket);
        if unit.kind == Kind::Close {
            self.begin_closing(now);
        }
        Sent::Accepted(self.inbox.accepted())
    }

    fn refuse(&mut self, now: Time, word: Word) -> Sent {
        match word {
            Word::Conflict => self.close(now, close::PROTOCOL_ERROR, "a number was used with other bytes"),
            Word::InvalidText => self.close(now, close::INVALID_TEXT, "text is not UTF-8"),
            Word::TooBig => self.close(now, close::TOO_BIG, "message is over the limit"),
            _ => {}
        }
        Sent::Refused(word)
    }
}
