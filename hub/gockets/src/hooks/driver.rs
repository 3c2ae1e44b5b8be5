//! The task that makes attempts. What is to be done next is the queue's to say; here are the clock, the randomness,
//! the network and the metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use polysocket_broker::{Broker, Kind, Topic};
use polysocket_outbound::Target;
use polysocket_service::Lifecycle;
use polysocket_socket::{binary_frame, text_frame};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::client::{Answer, Client};
use super::dead::DeadLetters;
use super::queue::{Attempt, Ended, Full, Queue, Time};
use super::{Delivery, Outcome, Secret};
use crate::Key;
use crate::config::HooksConfig;
use crate::metrics::GocketsMetrics;
use crate::store::Cached;

/// What [`Hooks`] are made of.
pub struct Parts {
    pub(crate) config: HooksConfig,
    pub(crate) client: Client,
    pub(crate) channels: Arc<Cached>,
    pub(crate) broker: Broker,
    pub(crate) space: Arc<str>,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: GocketsMetrics,
}

/// A delivery that was not made.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) why: String,
    pub(crate) attempts: u32,
    pub(crate) died: SystemTime,
}

/// All hooks of one mount. Cheap to clone.
#[derive(Clone)]
pub struct Hooks(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    parts: Parts,
    /// The operator's: they sign for channels that have none of their own.
    secrets: Vec<Secret>,
    began: Instant,
    // Held for moments only; nothing is awaited under it.
    state: Mutex<State>,
    /// The driver has something new to look at.
    wake: Notify,
}

pub(crate) struct State {
    pub(crate) queue: Queue<Arc<Delivery>>,
    pub(crate) dead: DeadLetters<DeadLetter>,
    /// Why the last attempt failed, of those that are tried again.
    pub(crate) failures: HashMap<Key, String>,
    /// The driver has ended: nothing is posted any more.
    closed: bool,
}

impl Hooks {
    /// Starts the driver. Needs a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let config = &parts.config;
        let hooks = Self(Arc::new(Inner {
            // The configuration was checked.
            secrets: config.secrets.iter().filter_map(|text| Secret::parse(text).ok()).collect(),
            began: Instant::now(),
            state: Mutex::new(State {
                queue: Queue::new(config.bounds(), config.backoff()),
                dead: DeadLetters::new(config.dead_bounds()),
                failures: HashMap::new(),
                closed: false,
            }),
            wake: Notify::new(),
            parts,
        }));
        let driver = hooks.clone();
        hooks.0.parts.life.spawn(async move { driver.drive().await });
        hooks
    }

    /// Posts a delivery, later and as often as it takes. What finds no room becomes a dead letter at once.
    pub fn push(&self, delivery: Delivery) {
        let (lane, host, bytes) = (delivery.channel, delivery.host(), delivery.bytes());
        let mut state = self.state();
        self.metrics().hook_events.with_label_values(&[delivery.event.word()]).inc();
        let delivery = Arc::new(delivery);
        if state.closed {
            self.bury(&mut state, delivery, "the process was stopping".to_owned(), 0);
            return;
        }
        let pushed = state.queue.push(self.now(), lane, &host, bytes, delivery);
        if let Err((full, delivery)) = pushed {
            let why = match full {
                Full::Lane => "there was no room: gockets_hooks.channel_count_max or channel_bytes_max",
                Full::Queue => "there was no room: gockets_hooks.count_max or bytes_max",
            };
            self.metrics().hook_ends.with_label_values(&["no-room"]).inc();
            self.bury(&mut state, delivery, why.to_owned(), 0);
        }
        self.show(&state);
        drop(state);
        self.0.wake.notify_one();
    }

    /// Puts the dead letters of a channel back into the queue, behind what waits there; says how many.
    pub fn retry_dead(&self, lane: Key) -> usize {
        let mut state = self.state();
        let mut moved = 0;
        for letter in state.dead.take(lane) {
            let (host, bytes) = (letter.delivery.host(), letter.delivery.bytes());
            let again = state.queue.push(self.now(), lane, &host, bytes, letter.delivery.clone());
            if again.is_ok() {
                moved += 1;
            } else {
                state.dead.add(lane, bytes, letter);
            }
        }
        state.queue.hurry_lane(lane);
        self.show(&state);
        drop(state);
        self.0.wake.notify_one();
        moved
    }

    /// Forgets the dead letters of a channel; says how many.
    pub fn drop_dead(&self, lane: Key) -> usize {
        let mut state = self.state();
        let dropped = state.dead.take(lane).len();
        self.show(&state);
        dropped
    }

    /// Tries what waits for a channel at once: it may have got another hook.
    pub fn hurry(&self, lane: Key) {
        self.state().queue.hurry_lane(lane);
        self.0.wake.notify_one();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.0.began.elapsed()
    }

    fn metrics(&self) -> &GocketsMetrics {
        &self.0.parts.metrics
    }

    /// Makes attempts until the process stops and nothing waits any more, or its time is over.
    async fn drive(&self) {
        let mut end = None;
        loop {
            while let Some(attempt) = self.next() {
                let hooks = self.clone();
                self.0.parts.life.spawn(async move { hooks.attempt(attempt).await });
            }
            let (deadline, idle) = {
                let mut state = self.state();
                let idle = state.queue.count() == 0;
                // In one moment with seeing that it is empty: what is pushed now is refused, not forgotten.
                state.closed = idle && end.is_some();
                (state.queue.deadline(), idle)
            };
            if idle && end.is_some() {
                return;
            }
            let next = async {
                match deadline {
                    Some(at) => sleep_until(self.0.began + at).await,
                    None => std::future::pending().await,
                }
            };
            match end {
                None => tokio::select! {
                    () = self.0.wake.notified() => (),
                    () = next => (),
                    () = self.0.parts.life.stopping() => {
                        end = Some(Instant::now() + self.0.parts.config.drain_timeout.as_duration());
                        self.state().queue.hurry();
                    }
                },
                Some(at) => {
                    let looked = async {
                        tokio::select! { () = self.0.wake.notified() => (), () = next => () }
                    };
                    if timeout_at(at, looked).await.is_err() {
                        let mut state = self.state();
                        state.closed = true;
                        let (left, dead) = (state.queue.count(), state.dead.count());
                        tracing::error!(
                            left,
                            dead,
                            "the process ends before hooks took what waited for them: it is lost"
                        );
                        return;
                    }
                }
            }
        }
    }

    fn next(&self) -> Option<Attempt<Arc<Delivery>>> {
        let mut state = self.state();
        if state.closed { None } else { state.queue.start(self.now()) }
    }

    async fn attempt(&self, attempt: Attempt<Arc<Delivery>>) {
        let Attempt { lane, number, item: delivery } = attempt;
        let began = Instant::now();
        let (outcome, posted) = self.post(&delivery).await;
        if posted {
            self.metrics().hook_seconds.observe(began.elapsed().as_secs_f64());
        }
        let (verdict, why) = outcome.verdict();
        // Before the next attempt of this channel begins, so that answers stay in order.
        if let Outcome::Answered { answer: Some(answer), .. } = outcome {
            self.pass_on(&delivery, answer).await;
        }
        let mut state = self.state();
        let ended = state.queue.end(self.now(), lane, verdict, rand::random());
        state.failures.remove(&lane);
        let word = match ended {
            Some(Ended::Delivered(_)) | None => "delivered",
            Some(Ended::Again(at)) => {
                if number == 1 {
                    let pause_ms =
                        u64::try_from(at.saturating_sub(self.now()).as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(hook = %delivery.hook, %why, pause_ms, "a hook failed; it is tried again");
                }
                state.failures.insert(lane, why);
                "again"
            }
            Some(Ended::Refused(delivery, attempts)) => {
                self.bury(&mut state, delivery, why, attempts);
                "refused"
            }
            Some(Ended::GivenUp(delivery, attempts)) => {
                self.bury(&mut state, delivery, why, attempts);
                "given-up"
            }
        };
        self.metrics().hook_ends.with_label_values(&[word]).inc();
        self.show(&state);
        drop(state);
        self.0.wake.notify_one();
    }

    /// One attempt with the hook and the secrets that the channel has now; false when nothing was sent.
    async fn post(&self, delivery: &Delivery) -> (Outcome, bool) {
        let parts = &self.0.parts;
        let (mut hook, mut secrets) = (delivery.hook.clone(), self.0.secrets.clone());
        match parts.channels.by_subscriber(&delivery.channel).await {
            Ok(Some(channel)) => {
                let settings = &channel.settings;
                match settings.hook.as_deref().map(Target::parse_http) {
                    Some(Ok(target)) => hook = target,
                    Some(Err(error)) => return (Outcome::NotAllowed(error.to_string()), false),
                    None => {
                        return (Outcome::NotAllowed("the channel has no hook any more".to_owned()), false);
                    }
                }
                if let Some(secret) = &settings.secret {
                    secrets = vec![secret.clone()];
                }
            }
            // A deleted channel's last messages still go where they were to go.
            Ok(None) => (),
            Err(error) => tracing::debug!(%error, "a hook is called as it was when its message came"),
        }
        match delivery.request(&hook, &secrets, SystemTime::now()) {
            Ok(request) => (parts.client.post(request).await, true),
            Err(error) => (Outcome::NotAllowed(format!("no request can be made of it: {error}")), false),
        }
    }

    async fn pass_on(&self, delivery: &Delivery, answer: Answer) {
        let parts = &self.0.parts;
        if answer.to_channel {
            let topic = Topic::new(parts.space.clone(), delivery.channel.to_string());
            if let Err(error) = parts.broker.publish(&topic, answer.kind, answer.body).await {
                tracing::warn!(%error, "a hook's answer could not be published");
            }
        } else if let Some(client) = &delivery.answer_to {
            let frame = match answer.kind {
                Kind::Text => text_frame(&answer.body),
                Kind::Binary => binary_frame(&answer.body),
            };
            client.send(frame);
        }
    }

    fn bury(&self, state: &mut State, delivery: Arc<Delivery>, why: String, attempts: u32) {
        let died = SystemTime::now();
        tracing::warn!(channel = ?delivery.channel, id = delivery.id, hook = %delivery.hook, %why, "a dead letter");
        let (lane, bytes) = (delivery.channel, delivery.bytes());
        let dropped = state.dead.add(lane, bytes, DeadLetter { delivery, why, attempts, died });
        self.metrics().dead_dropped.inc_by(dropped as u64);
    }

    fn show(&self, state: &State) {
        let as_i64 = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let metrics = self.metrics();
        metrics.hook_queued.set(as_i64(state.queue.count()));
        metrics.hook_queued_bytes.set(as_i64(state.queue.bytes()));
        metrics.dead_letters.set(as_i64(state.dead.count()));
    }

    /// Waits for a while, or until the process drains.
    pub(crate) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => (),
            () = self.0.parts.life.draining() => (),
        }
    }
}
