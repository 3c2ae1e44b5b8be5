//! The numbers of one session. Everything is kept in memory, without limits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::Mistake;
use crate::client::{Close, Kind, Message, Unit};

/// A longer message comes down in units of this size.
const UNIT_BYTES: usize = 16 * 1024;
/// Units ahead of the expected one that wait.
pub(super) const WINDOW: u64 = 8;

/// What goes to the target.
#[derive(Clone, Debug)]
pub(super) enum ToTarget {
    Message(Message),
    Close(Close),
}

#[derive(Debug)]
pub(super) struct State {
    down: VecDeque<(u64, Unit)>,
    next_down: u64,
    expected_up: u64,
    ahead: BTreeMap<u64, Unit>,
    partial: Option<(Kind, Vec<u8>)>,
    /// The number of the newest receiver: an older one ends.
    pub receiver: u64,
    pub close_acked: bool,
    up_closed: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub mistake: Mistake,
    pub protocol: String,
    pub changed: watch::Sender<u64>,
    state: Mutex<State>,
    target: mpsc::UnboundedSender<ToTarget>,
}

impl Session {
    pub fn new(mistake: Mistake, protocol: String, target: mpsc::UnboundedSender<ToTarget>) -> Self {
        let state = State {
            down: VecDeque::new(),
            next_down: 1,
            expected_up: 1,
            ahead: BTreeMap::new(),
            partial: None,
            receiver: 0,
            close_acked: false,
            up_closed: false,
        };
        Self { mistake, protocol, changed: watch::Sender::new(0), state: Mutex::new(state), target }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// A message from the target.
    pub fn message(&self, message: &Message) {
        let mut state = self.state();
        let mut rest = message.data.clone();
        loop {
            let mut at = rest.len().min(UNIT_BYTES);
            while message.kind == Kind::Text && std::str::from_utf8(&rest[..at]).is_err() {
                at -= 1;
            }
            let data = rest.split_to(at);
            let more = !rest.is_empty();
            state.push(Unit::Part { kind: message.kind, data, more });
            if !more {
                break;
            }
        }
        drop(state);
        self.notify();
    }

    /// The end of the target.
    pub fn close(&self, close: Close) {
        let mut state = self.state();
        if self.mistake == Mistake::ClosesTooEarly && !state.down.is_empty() {
            state.down.truncate(1);
            state.next_down = state.down[0].0 + 1;
        }
        state.push(Unit::Close(close));
        drop(state);
        self.notify();
    }

    /// A new receiver: the older ones end.
    pub fn receiver(&self) -> u64 {
        let mut state = self.state();
        state.receiver += 1;
        let number = state.receiver;
        drop(state);
        self.notify();
        number
    }

    pub fn ack_down(&self, ack: u64) {
        let mut state = self.state();
        while state.down.front().is_some_and(|(number, _)| *number <= ack) {
            let acked = state.down.pop_front();
            state.close_acked |= matches!(acked, Some((_, Unit::Close(_))));
        }
    }

    /// The units from this number on; one always fits.
    pub fn units_from(&self, number: u64, bytes_max: usize) -> Vec<(u64, Unit)> {
        let mut state = self.state();
        let mut bytes = 0;
        let fits = |(_, unit): &&(u64, Unit)| {
            let first = bytes == 0;
            bytes += unit.size() + 1;
            first || bytes <= bytes_max
        };
        let units: Vec<_> =
            state.down.iter().filter(|(n, _)| *n >= number).take_while(fits).cloned().collect();
        if self.mistake == Mistake::ForgetsWhatItWrote {
            state
                .down
                .retain(|(n, unit)| !units.iter().any(|(m, _)| m == n) || matches!(unit, Unit::Close(_)));
        }
        units
    }

    pub fn up_ack(&self) -> u64 {
        self.state().expected_up - 1
    }

    /// Takes a unit with its number; the error is the code of a refusal.
    pub fn take_up(&self, number: u64, unit: Unit) -> Result<(), &'static str> {
        let mut state = self.state();
        if number < state.expected_up && self.mistake != Mistake::ForwardsRepeats {
            return Ok(());
        }
        if self.mistake == Mistake::ForwardsRepeats || self.mistake == Mistake::KeepsNoOrder {
            state.expected_up = state.expected_up.max(number + 1);
            self.forward(&mut state, unit);
            return Ok(());
        }
        if state.up_closed {
            return Err("closed");
        }
        if number >= state.expected_up + WINDOW {
            return Err("window");
        }
        state.ahead.insert(number, unit);
        let mut next = state.expected_up;
        while let Some(unit) = state.ahead.remove(&next) {
            self.forward(&mut state, unit);
            next += 1;
            state.expected_up = next;
        }
        drop(state);
        self.notify();
        Ok(())
    }

    fn forward(&self, state: &mut State, unit: Unit) {
        let to_target = match unit {
            Unit::Part { kind, data, more } => {
                let (first, mut bytes) = state.partial.take().unwrap_or((kind, Vec::new()));
                bytes.extend_from_slice(&data);
                if more {
                    state.partial = Some((first, bytes));
                    return;
                }
                ToTarget::Message(Message { kind: first, data: Bytes::from(bytes) })
            }
            Unit::Close(close) => {
                state.up_closed = true;
                ToTarget::Close(close)
            }
            Unit::Open { .. } => return,
        };
        // A target that is gone has said so coming down.
        let _ = self.target.send(to_target);
    }
}

impl State {
    fn push(&mut self, unit: Unit) {
        self.down.push_back((self.next_down, unit));
        self.next_down += 1;
    }
}
