//! A naive page, a naive upstream and a network between them that loses, repeats and delays, all driven by a list
//! of operations. The session has to make of it what the two lists of messages say: nothing else is the model.

use std::collections::VecDeque;
use std::sync::Arc;

use polysocket_protocol::{Bytes, Kind, Unit};
use polysocket_session::{
    Attach, Attached, Batch, Limits, ReceiverId, Sent, Session, Style, Take, Time, ToUpstream, Wait,
};

/// One step: what happens, and how.
pub type Operation = (u8, u8);

const BUDGETS: [usize; 4] = [1, 100, 20_000, 1_000_000];
const SIZES: [usize; 6] = [0, 1, 30, 5_000, 16_384, 40_000];

pub struct World {
    session: Session,
    now: Time,
    /// Messages the upstream sent, and how many of them the page has.
    down: Vec<Vec<u8>>,
    page: Page,
    /// Messages the page wants to send, cut into units; and what reached the upstream.
    up_units: Vec<Unit>,
    up_messages: Vec<Vec<u8>>,
    arrived: Vec<Vec<u8>>,
    /// Popped for the upstream, not yet reported written.
    written_later: usize,
}

/// The page's half of the protocol.
#[derive(Default)]
struct Page {
    /// Highest contiguous unit.
    have: u64,
    partial: Vec<u8>,
    messages: Vec<Vec<u8>>,
    receivers: VecDeque<(ReceiverId, Style)>,
    polls: u64,
    up_acked: u64,
}

impl Page {
    /// Takes what an answer brought. A gap would be a loss, so there must be none.
    fn read(&mut self, batch: &Batch) {
        assert!(batch.seq <= self.have + 1, "gap: have {}, got {} next", self.have, batch.seq);
        self.up_acked = self.up_acked.max(batch.ack);
        for (number, unit) in (batch.seq..).zip(&batch.units) {
            if number == self.have + 1 {
                self.have = number;
                if unit.kind != Kind::Open {
                    self.partial.extend_from_slice(&unit.data);
                    if !unit.more {
                        self.messages.push(std::mem::take(&mut self.partial));
                    }
                }
            }
        }
    }
}

fn payload(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| b'a' + u8::try_from((seed * 7 + i) % 26).expect("below 26")).collect()
}

impl World {
    pub fn new() -> Self {
        // A network that delivers nothing for long is not what is tested here.
        let limits = Limits {
            outbox_bytes_max: 60_000,
            up_queue_bytes_max: 50_000,
            stall_ms: u64::MAX,
            ..Limits::default()
        };
        let mut session = Session::new(Time(0), Arc::new(limits), true);
        // Dialled by a receiver, so that `open` is a unit like any other.
        let dials = Attach {
            style: Style::Poll,
            ack: Some(0),
            told: true,
            poll: None,
            ttl_ms: 1_000,
            pause_ms: None,
            dial: true,
        };
        session.attach(Time(0), &dials).expect("nothing is wrong with it");
        session.upstream_open("", "");
        Self {
            session,
            now: Time(0),
            down: Vec::new(),
            page: Page::default(),
            up_units: Vec::new(),
            up_messages: Vec::new(),
            arrived: Vec::new(),
            written_later: 0,
        }
    }

    pub fn step(&mut self, (what, how): Operation) {
        let how = usize::from(how);
        match what % 12 {
            0 | 1 => self.upstream_says(how),
            2 => self.attach(Style::Poll, how),
            3 => self.attach(if how.is_multiple_of(2) { Style::Stream } else { Style::Socket }, how),
            4 => self.take(how, true),
            // The answer is lost on its way: the page sees nothing of it.
            5 => self.take(how, false),
            6 => self.lose_receiver(how),
            7 => self.page_writes(how),
            8 => self.page_sends(how),
            9 => self.upstream_reads(how),
            10 => {
                let have = self.page.have;
                self.session.ack(self.now, have).expect("an ack of what came");
            }
            _ => self.time_passes(how as u64 * 20),
        }
        self.check();
    }

    fn upstream_says(&mut self, how: usize) {
        if self.session.wants_upstream() {
            let data = payload(self.down.len(), SIZES[how % SIZES.len()]);
            self.session.upstream_message(self.now, how.is_multiple_of(2), data.clone().into());
            self.down.push(data);
        }
    }

    fn attach(&mut self, style: Style, how: usize) {
        self.page.polls += u64::from(!how.is_multiple_of(5));
        let request = Attach {
            style,
            ack: Some(self.page.have.saturating_sub(u64::from(how.is_multiple_of(7)))),
            told: true,
            poll: (style == Style::Poll).then_some(self.page.polls),
            ttl_ms: 1_000 + how as u64 * 10,
            pause_ms: None,
            dial: false,
        };
        if let Attached::Receiver(id) = self.session.attach(self.now, &request).expect("attached") {
            self.page.receivers.push_back((id, style));
        }
    }

    fn take(&mut self, how: usize, arrives: bool) {
        if self.page.receivers.is_empty() {
            return;
        }
        let index = how % self.page.receivers.len();
        let (id, style) = self.page.receivers[index];
        let (batch, over) = match self.session.take(self.now, id, BUDGETS[how % BUDGETS.len()]) {
            Take::Pending => return,
            Take::Units(batch) | Take::Heartbeat(batch) => (batch, style == Style::Poll),
            Take::Over(batch) => (batch, true),
            Take::Gone => panic!("the session is gone"),
        };
        if arrives {
            self.page.read(&batch);
        }
        if over || !arrives {
            // A stream that lost bytes is over for both sides.
            self.session.detach(self.now, id);
            self.page.receivers.remove(index);
        }
    }

    fn lose_receiver(&mut self, how: usize) {
        if !self.page.receivers.is_empty() {
            let (id, _) = self.page.receivers.remove(how % self.page.receivers.len()).expect("in range");
            self.session.detach(self.now, id);
        }
    }

    fn page_writes(&mut self, how: usize) {
        let data = payload(self.up_messages.len() + 3, SIZES[how % SIZES.len()]);
        let fragment = 1 + how * 100;
        let parts: Vec<_> = if data.is_empty() { vec![&data[..]] } else { data.chunks(fragment).collect() };
        for (index, part) in parts.iter().enumerate() {
            let more = index + 1 < parts.len();
            let kind = if how.is_multiple_of(2) { Kind::Text } else { Kind::Binary };
            self.up_units.push(Unit { kind, more, data: Bytes::copy_from_slice(part) });
        }
        self.up_messages.push(data);
    }

    /// Sends any unit near the expected number: the next, an old one again, one ahead.
    fn page_sends(&mut self, how: usize) {
        let number = usize::try_from(self.session.accepted()).expect("small") + 1 + how % 12;
        let number = number.saturating_sub(4).max(1);
        if let Some(unit) = self.up_units.get(number - 1) {
            match self.session.send(self.now, Some(number as u64), unit) {
                Sent::Accepted(ack) => assert!(ack >= number as u64),
                Sent::Wait(Wait::Gap) => assert!(number as u64 > self.session.accepted() + 1),
                Sent::Wait(Wait::Full) => assert_eq!(number as u64, self.session.accepted() + 1),
                Sent::Refused(word) => panic!("refused: {word:?}"),
            }
        }
    }

    fn upstream_reads(&mut self, how: usize) {
        for _ in 0..=how % 3 {
            match self.session.next_up(self.now) {
                Some(message @ (ToUpstream::Text(_) | ToUpstream::Binary(_))) => {
                    self.written_later += message.cost();
                    let (ToUpstream::Text(data) | ToUpstream::Binary(data)) = message else { return };
                    self.arrived.push(data.to_vec());
                }
                Some(ToUpstream::Close(_)) => panic!("nobody closed"),
                None => break,
            }
        }
        self.session.upstream_written(std::mem::take(&mut self.written_later));
    }

    fn time_passes(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
        if self.session.deadline().is_some_and(|at| at <= self.now) {
            self.session.timeout(self.now);
        }
        // The page is never away for long.
        if self.page.receivers.is_empty() {
            self.attach(Style::Poll, 1);
        }
        let have = self.page.have;
        self.session.ack(self.now, have).expect("an ack of what came");
    }

    fn check(&self) {
        assert!(
            self.down.starts_with(&self.page.messages),
            "down: the page has something else than was said"
        );
        assert!(
            self.up_messages.starts_with(&self.arrived),
            "up: the upstream got something else than was said"
        );
        assert!(self.session.buffered_bytes() <= 60_000 + 45_000 + 50_000 + 45_000 + 1_000, "bounded");
    }

    /// The network heals: everything must come through.
    pub fn finish(mut self) {
        for _ in 0..100_000 {
            if self.page.messages.len() == self.down.len() && self.arrived.len() == self.up_messages.len() {
                break;
            }
            self.attach(Style::Poll, 1);
            while !self.page.receivers.is_empty() {
                let before = self.page.receivers.len();
                self.take(3, true);
                if self.page.receivers.len() == before {
                    self.lose_receiver(0);
                }
            }
            self.page_sends(4);
            self.upstream_reads(2);
        }
        self.check();
        assert_eq!(self.page.messages.len(), self.down.len(), "down: all of it");
        assert_eq!(self.arrived.len(), self.up_messages.len(), "up: all of it");
    }
}
