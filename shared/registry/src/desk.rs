//! Where asks arrive at a node, and who still waits for them.
//!
//! Several askers may wait for one request: a client that repeats its create may reach another router. The relay is
//! told to cancel when the last of them has gone, not the first. So each asker is remembered, also after the answer
//! (which may have been too late for it), until its deadline and some more have passed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::asks::{Answer, no_answer};
use crate::limits::{ASKERS_MAX, ASKS_QUEUED_MAX};
use crate::stats::Counters;
use crate::{Asks, Establish, Message, Replier};

/// A cancel leaves its router at the deadline at the latest; so much later it is not on its way any more.
const CANCEL_GRACE: Duration = Duration::from_secs(2);
/// Between two looks for askers that have passed their deadline.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// One `ask` of one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Asker {
    /// The channel its process listens on; empty in memory.
    pub reply_to: String,
    /// Which of that process's asks.
    pub ask: u64,
}

/// One incarnation of a node as askers see it.
pub(crate) struct Desk {
    queue: mpsc::Sender<Message>,
    served: CancellationToken,
    counters: Arc<Counters>,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    requests: HashMap<String, HashMap<Asker, Waiter>>,
    /// Askers in `requests`.
    askers: usize,
    sweep_at: Instant,
}

struct Waiter {
    forget_at: Instant,
    cancelled: CancellationToken,
}

impl Desk {
    pub fn new(counters: Arc<Counters>) -> (Arc<Self>, Asks) {
        let (sender, queue) = mpsc::channel(ASKS_QUEUED_MAX);
        let served = CancellationToken::new();
        let guard: DropGuard = served.clone().drop_guard();
        let waiting = Waiting { requests: HashMap::new(), askers: 0, sweep_at: Instant::now() };
        let desk = Self { queue: sender, served, counters, waiting: Mutex::new(waiting) };
        (Arc::new(desk), Asks { queue, _served: guard })
    }

    /// Cancelled when the relay has dropped its [`Asks`].
    pub fn served(&self) -> &CancellationToken {
        &self.served
    }

    /// Passes an ask to the relay; refuses at once what it cannot take.
    pub fn establish(&self, asker: &Asker, establish: Establish, answer: Arc<dyn Answer>) {
        let now = Instant::now();
        let deadline = now + Duration::from_millis(establish.budget_ms);
        let cancelled = CancellationToken::new();
        let waiter = Waiter { forget_at: deadline + CANCEL_GRACE, cancelled: cancelled.clone() };
        let id = establish.request_id.clone();
        let entered = self.lock().enter(now, id.clone(), asker.clone(), waiter);
        match entered {
            Entered::New => (),
            Entered::Already => return,
            Entered::Full => return self.refuse(&*answer, "too many asks wait at the relay"),
        }
        // A slot before the message: a message that does not fit would answer by being dropped, and so twice.
        let Ok(slot) = self.queue.try_reserve() else {
            self.lock().leave(&id, asker);
            return self.refuse(&*answer, "the relay does not take asks as fast as they come");
        };
        let replier = Replier::new(id, deadline, cancelled, answer);
        slot.send(Message::Establish(Box::new(establish), replier));
    }

    /// An asker waits no more. Tells the relay when it was the last for its request.
    pub fn cancel(&self, request_id: &str, asker: &Asker) {
        let last = self.lock().leave(request_id, asker);
        if last && self.queue.try_send(Message::Cancel(request_id.to_owned())).is_err() {
            // Nothing leaks: the relay closes a session that is never polled.
            self.counters.notices_dropped.add(1);
        }
    }

    fn refuse(&self, answer: &dyn Answer, why: &str) {
        self.counters.asks_refused.add(1);
        answer.post(no_answer(why));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    New,
    Already,
    Full,
}

impl Waiting {
    fn enter(&mut self, now: Instant, request_id: String, asker: Asker, waiter: Waiter) -> Entered {
        if now >= self.sweep_at || self.askers >= ASKERS_MAX {
            self.sweep(now);
        }
        if self.askers >= ASKERS_MAX {
            return Entered::Full;
        }
        match self.requests.entry(request_id).or_default().entry(asker) {
            Entry::Occupied(_) => Entered::Already,
            Entry::Vacant(place) => {
                place.insert(waiter);
                self.askers += 1;
                Entered::New
            }
        }
    }

    /// Whether it was there, and the last.
    fn leave(&mut self, request_id: &str, asker: &Asker) -> bool {
        let Some(askers) = self.requests.get_mut(request_id) else { return false };
        let Some(waiter) = askers.remove(asker) else { return false };
        waiter.cancelled.cancel();
        self.askers -= 1;
        let last = askers.is_empty();
        if last {
            self.requests.remove(request_id);
        }
        last
    }

    fn sweep(&mut self, now: Instant) {
        self.sweep_at = now + SWEEP_EVERY;
        self.requests.retain(|_, askers| {
            askers.retain(|_, waiter| waiter.forget_at > now);
            !askers.is_empty()
        });
        self.askers = self.requests.values().map(HashMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::Outcome;

    #[derive(Default)]
    struct Posted(Mutex<Vec<Outcome>>);

    #[async_trait]
    impl Answer for Posted {
        async fn deliver(&self, outcome: &Outcome) -> bool {
            self.post(outcome.clone());
            true
        }
        fn post(&self, outcome: Outcome) {
            self.0.lock().unwrap().push(outcome);
        }
    }

    fn asker(ask: u64) -> Asker {
        Asker { reply_to: "router".to_owned(), ask }
    }

    fn request(id: &str) -> Establish {
        Establish {
            request_id: id.to_owned(),
            target: "wss://example.com/".to_owned(),
            protocols: Vec::new(),
            origin: None,
            page_origin: None,
            hold: false,
            socket_lease: None,
            bytes_per_second_max: None,
            holder: String::new(),
            budget_ms: 5000,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_relay_hears_of_the_last_asker_to_leave() {
        let (desk, mut asks) = Desk::new(Arc::default());
        let posted = Arc::new(Posted::default());
        desk.establish(&asker(1), request("r"), posted.clone());
        desk.establish(&asker(2), request("r"), posted.clone());
        let Some(Message::Establish(_, first)) = asks.next().await else { panic!("an ask") };
        let Some(Message::Establish(_, second)) = asks.next().await else { panic!("an ask") };

        desk.cancel("r", &asker(1));
        first.cancelled().await;
        assert!(asks.queue.try_recv().is_err(), "another asker waits");
        assert!(!second.is_cancelled());
        assert!(second.reply(no_answer("late")).await);
        // The answer came too late for the second.
        desk.cancel("r", &asker(2));
        assert!(matches!(asks.next().await, Some(Message::Cancel(id)) if id == "r"));
        desk.cancel("r", &asker(2));
        desk.cancel("never", &asker(2));
        assert!(asks.queue.try_recv().is_err(), "nobody is told twice");
    }

    #[tokio::test(start_paused = true)]
    async fn refuses_what_the_relay_does_not_take() {
        let counters = Arc::new(Counters::default());
        let (desk, asks) = Desk::new(counters.clone());
        let posted = Arc::new(Posted::default());
        for ask in 0..=ASKS_QUEUED_MAX as u64 {
            desk.establish(&asker(ask), request("r"), posted.clone());
        }
        assert_eq!(posted.0.lock().unwrap().len(), 1);
        assert_eq!(counters.asks_refused.get(), 1);
        drop(asks);
        assert!(desk.served().is_cancelled());
        assert_eq!(posted.0.lock().unwrap().len(), ASKS_QUEUED_MAX + 1, "what nobody took was answered");
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_askers_after_their_deadline() {
        let (desk, mut asks) = Desk::new(Arc::default());
        let posted = Arc::new(Posted::default());
        for ask in 0..ASKERS_MAX as u64 {
            desk.establish(&asker(ask), request("r"), posted.clone());
            drop(asks.next().await);
        }
        desk.establish(&asker(ASKERS_MAX as u64), request("r"), posted.clone());
        assert!(asks.queue.try_recv().is_err(), "one too many");
        tokio::time::advance(Duration::from_secs(5) + CANCEL_GRACE).await;
        desk.establish(&asker(u64::MAX), request("r"), posted.clone());
        assert!(asks.queue.try_recv().is_ok());
        assert_eq!(desk.lock().askers, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_cancels_without_a_word() {
        let (desk, mut asks) = Desk::new(Arc::default());
        let posted = Arc::new(Posted::default());
        desk.establish(&asker(1), request("r"), posted.clone());
        let Some(Message::Establish(_, replier)) = asks.next().await else { panic!("an ask") };
        let begun = Instant::now();
        replier.cancelled().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
        assert!(!replier.reply(no_answer("late")).await);
        assert!(posted.0.lock().unwrap().is_empty());
    }
}
