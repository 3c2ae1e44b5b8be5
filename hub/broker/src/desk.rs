//! Who subscribes to a topic in this process, and what is done with each event. Synchronous; one at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use crate::cursor::{Cursor, Need, Out};
use crate::event::{Event, Join, Joined, SeatId};
use crate::{BrokerError, BrokerMetrics, History, Position, Publication, Subscribed, Subscriber, Topic};

/// Messages kept for one who joins while its history is read. With more it begins again.
const JOINER_MESSAGES_MAX: usize = 1024;
/// Their payloads together, bytes.
const JOINER_BYTES_MAX: usize = 4 << 20;
/// How often the history is read for one who joins, before it is told that it cannot be.
const JOIN_READINGS_MAX: u32 = 5;

pub(crate) struct Desk {
    topic: Topic,
    cursor: Cursor,
    seats: Seats,
    joiners: HashMap<SeatId, Joiner>,
    metrics: BrokerMetrics,
}

/// One who joins with a position, and whose history is being read.
struct Joiner {
    subscriber: Arc<dyn Subscriber>,
    since: Position,
    /// Where the others were when it came; what they were given after that is in `later`.
    from: Position,
    later: Vec<Arc<Publication>>,
    later_bytes: usize,
    /// Its reading is of no use any more.
    stale: bool,
    readings: u32,
    answer: Option<oneshot::Sender<Joined>>,
}

impl Desk {
    /// `seated` is kept at the number of subscribers, for others to see.
    pub fn new(topic: Topic, metrics: BrokerMetrics, seated: Arc<AtomicU64>) -> Self {
        Self { topic, cursor: Cursor::new(), seats: Seats::new(seated), joiners: HashMap::new(), metrics }
    }

    pub fn position(&self) -> Option<&Position> {
        self.cursor.position()
    }

    /// May ask for a reading.
    pub fn handle(&mut self, event: Event) -> Option<Need> {
        match event {
            Event::Heard(publication) => self.advance(|cursor, out| cursor.live(publication, out)),
            Event::Suspect => self.cursor.suspect(),
            Event::Read(number, history) => self.advance(|cursor, out| cursor.read(number, &history, out)),
            Event::Presence(change) => {
                for seat in &self.seats.list {
                    seat.subscriber.presence(&self.topic, &change);
                }
                None
            }
            // Both a message and a reading may tell of it.
            Event::Removed(position) if self.is_at(&position) => None,
            Event::Removed(position) => {
                self.clear();
                self.cursor.restart(position)
            }
            Event::Join(join) => {
                self.join(*join);
                None
            }
            Event::Missed(seat, history) => {
                self.missed(seat, history);
                None
            }
            Event::Leave(seat) => {
                self.joiners.remove(&seat);
                if self.seats.remove(seat) {
                    self.metrics.subscriptions.dec();
                }
                None
            }
        }
    }

    fn is_at(&self, position: &Position) -> bool {
        self.cursor.position().is_some_and(|here| here.epoch == position.epoch)
    }

    fn advance(
        &mut self,
        step: impl FnOnce(&mut Cursor, &mut dyn FnMut(Out<'_>)) -> Option<Need>,
    ) -> Option<Need> {
        let Self { topic, cursor, seats, joiners, metrics } = self;
        step(cursor, &mut |out| match out {
            Out::Deliver(publication) => {
                let mut delivered = 0;
                for seat in &seats.list {
                    if publication.offset > seat.after {
                        seat.subscriber.deliver(publication);
                        delivered += 1;
                    }
                }
                metrics.delivered.inc_by(delivered);
                for joiner in joiners.values_mut() {
                    joiner.later(publication);
                }
            }
            Out::Gap { from, same_epoch } => {
                metrics.gaps.inc();
                tracing::warn!(%topic, %from, subscribers = seats.list.len(), "messages lost for good");
                for seat in &mut seats.list {
                    if !same_epoch {
                        seat.after = 0;
                    }
                    seat.subscriber.gap(topic, from);
                }
                for joiner in joiners.values_mut() {
                    joiner.stale = true;
                }
            }
        })
    }

    fn join(&mut self, join: Join) {
        let Join { seat, subscriber, since, answer } = join;
        let Some(from) = self.cursor.position().cloned() else {
            // Joins come after the first reading; the channel's start sees to that.
            let _ = answer.send(Joined::Refused(BrokerError::Stopped));
            return;
        };
        let Some(since) = since else {
            let at = Subscribed { position: from, recovered: None };
            subscriber.subscribed(&self.topic, &at);
            self.sit(Seat { id: seat, subscriber, after: 0 });
            let _ = answer.send(Joined::Subscribed(at));
            return;
        };
        let joiner = Joiner {
            subscriber,
            since,
            from,
            later: Vec::new(),
            later_bytes: 0,
            stale: false,
            readings: 0,
            answer: Some(answer),
        };
        self.read_for(seat, joiner);
    }

    /// Has a joiner's history read, from where the others are now.
    fn read_for(&mut self, seat: SeatId, mut joiner: Joiner) {
        let Some(position) = self.cursor.position() else { return };
        joiner.from = position.clone();
        joiner.later.clear();
        joiner.later_bytes = 0;
        joiner.stale = false;
        joiner.readings += 1;
        let (next, rest) = oneshot::channel();
        if let Some(answer) = joiner.answer.replace(next) {
            let _ = answer.send(Joined::Read(rest));
        }
        self.joiners.insert(seat, joiner);
    }

    fn missed(&mut self, seat: SeatId, history: Option<History>) {
        let Some(joiner) = self.joiners.remove(&seat) else { return };
        let Some(now) = self.cursor.position().cloned() else { return };
        let recovered = match history {
            Some(history) if history.complete => {
                // What was read and what others were given must be of one history, without a hole between them.
                let fits = !joiner.stale
                    && history.position.epoch == now.epoch
                    && history.position.offset >= joiner.from.offset;
                if !fits && joiner.readings < JOIN_READINGS_MAX {
                    return self.read_for(seat, joiner);
                }
                fits.then_some(history)
            }
            _ => None,
        };
        let Joiner { subscriber, since, from, later, answer, .. } = joiner;
        // It may have been further, on another node, than the others here are yet.
        let after = if recovered.is_some() { since.offset } else { 0 };
        let position = Position { offset: now.offset.max(after), ..now };
        let at = Subscribed { position, recovered: Some(recovered.is_some()) };
        subscriber.subscribed(&self.topic, &at);
        if let Some(history) = recovered {
            self.metrics.recovered.inc();
            let read = history.publications.iter().filter(|read| read.offset <= from.offset);
            for publication in read.chain(&later) {
                if publication.offset > after {
                    subscriber.deliver(publication);
                }
            }
        } else {
            self.metrics.not_recovered.inc();
        }
        self.sit(Seat { id: seat, subscriber, after });
        if let Some(answer) = answer {
            let _ = answer.send(Joined::Subscribed(at));
        }
    }

    fn sit(&mut self, seat: Seat) {
        self.metrics.subscriptions.inc();
        self.seats.add(seat);
    }

    fn clear(&mut self) {
        self.metrics.subscriptions.sub(i64::try_from(self.seats.list.len()).unwrap_or(i64::MAX));
        for seat in self.seats.take() {
            seat.subscriber.removed(&self.topic);
        }
        for (_, joiner) in self.joiners.drain() {
            if let Some(answer) = joiner.answer {
                let _ = answer.send(Joined::Refused(BrokerError::Removed));
            }
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.metrics.subscriptions.sub(i64::try_from(self.seats.list.len()).unwrap_or(i64::MAX));
    }
}

impl Joiner {
    fn later(&mut self, publication: &Arc<Publication>) {
        self.later_bytes += publication.payload.len();
        if self.later.len() < JOINER_MESSAGES_MAX && self.later_bytes <= JOINER_BYTES_MAX {
            self.later.push(publication.clone());
        } else {
            self.later.clear();
            self.stale = true;
        }
    }
}

struct Seat {
    id: SeatId,
    subscriber: Arc<dyn Subscriber>,
    /// It has had the messages up to this offset already.
    after: u64,
}

/// Subscribers, dense for the fan-out.
struct Seats {
    list: Vec<Seat>,
    places: HashMap<SeatId, usize>,
    seated: Arc<AtomicU64>,
}

impl Seats {
    fn new(seated: Arc<AtomicU64>) -> Self {
        Self { list: Vec::new(), places: HashMap::new(), seated }
    }

    fn add(&mut self, seat: Seat) {
        self.places.insert(seat.id, self.list.len());
        self.list.push(seat);
        self.count();
    }

    fn remove(&mut self, id: SeatId) -> bool {
        let Some(place) = self.places.remove(&id) else { return false };
        self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.id, place);
        }
        self.count();
        true
    }

    fn take(&mut self) -> Vec<Seat> {
        self.places.clear();
        let list = std::mem::take(&mut self.list);
        self.count();
        list
    }

    fn count(&self) {
        self.seated.store(self.list.len() as u64, Ordering::Relaxed);
    }
}
