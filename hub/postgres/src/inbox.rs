//! A connection as channels see it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_socket::Sender;

use crate::channels::{Source, Subscriber};

/// Messages that may come between subscribing and the end of the handshake, or while a replay is fetched.
const EARLY_MAX: usize = 1_000;

/// Keeps what comes before the connection is open.
pub struct Inbox {
    state: Mutex<State>,
    /// Rows of the outbox are not kept: the replay has them.
    replays: bool,
}

enum State {
    Early(Vec<Bytes>),
    /// More came than is kept.
    Overrun,
    Open(Sender),
}

impl Inbox {
    pub fn new(replays: bool) -> Self {
        Self { state: Mutex::new(State::Early(Vec::new())), replays }
    }

    /// The connection is open: it gets what came before, and from now on what comes.
    pub fn open(&self, sender: &Sender) {
        let mut state = self.state();
        match &mut *state {
            State::Early(frames) => frames.drain(..).for_each(|frame| {
                sender.send(frame);
            }),
            State::Overrun => sender.close(1013, "too much came before the connection was open"),
            State::Open(_) => {}
        }
        *state = State::Open(sender.clone());
    }

    fn send(&self, frame: &Bytes, source: Source) {
        let mut state = self.state();
        match &mut *state {
            State::Early(_) if self.replays && source == Source::Outbox => {}
            State::Open(sender) => {
                sender.send(frame.clone());
            }
            State::Early(frames) if frames.len() < EARLY_MAX => frames.push(frame.clone()),
            State::Early(_) => *state = State::Overrun,
            State::Overrun => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Inbox {
    fn deliver(&self, _channel: &str, frame: &Bytes, _payload: &str, source: Source) {
        self.send(frame, source);
    }

    fn gap(&self, _channel: &str, frame: &Bytes) {
        self.send(frame, Source::Notified);
    }

    fn refused(&self, _channel: &str) {
        // Who is not open yet is refused at the handshake.
        if let State::Open(sender) = &*self.state() {
            sender.close(1013, "the database refuses the channel");
        }
    }
}
