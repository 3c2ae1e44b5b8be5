//! The one connection that listens: for as long as the process lives, made anew whenever it is lost.

use std::sync::Arc;
use std::time::Duration;

use polysocket_service::Lifecycle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Notification};

use crate::channels::{Channels, Source};
use crate::database::Address;
use crate::envelope;
use crate::error::{DatabaseError, is_refusal};
use crate::lead::{self, Lead};
use crate::link::Link;
use crate::metrics::PostgresMetrics;
use crate::name::quoted;
use crate::overflow::Overflow;
use crate::retry::Retry;
use crate::state::State;

/// Channels in one statement.
const LISTEN_AT_ONCE: usize = 200;

/// What it is made of.
pub struct Listener {
    pub address: Address,
    pub channels: Arc<Channels>,
    /// On which envelopes come that name their own channel.
    pub listen_channel: String,
    /// Each channel is one of the database.
    pub direct: bool,
    pub overflow: Option<Overflow>,
    pub gap_events: bool,
    /// The channel on which this node notifies itself: nobody else's.
    pub beat: String,
    pub lead: Arc<Lead>,
    pub timing: Timing,
    pub state: watch::Sender<State>,
    pub metrics: PostgresMetrics,
}

/// Its times.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub connect: Duration,
    pub statement: Duration,
    pub heartbeat_every: Duration,
    pub heartbeat_within: Duration,
    pub unlisten_after: Duration,
}

/// A heartbeat that is under way.
struct Beat {
    number: u64,
    sent: Instant,
}

/// One connection of it.
struct Session<'a> {
    of: &'a Listener,
    client: Client,
    link: Link,
    beat: Option<Beat>,
    beats: u64,
    /// When the next one is due.
    due: Instant,
    /// When anything was heard last.
    heard: Instant,
}

impl Listener {
    /// Runs until the process stops, or so many attempts in a row have failed (0: never).
    pub async fn run(self, mut retry: Retry, attempts_max: u32, life: Lifecycle) {
        let mut was_up = false;
        loop {
            let error = tokio::select! {
                error = self.session(&mut was_up, &mut retry) => error,
                () = life.stopping() => return,
            };
            self.channels.lost();
            self.lead.set(false);
            self.metrics.listening.set(0);
            self.metrics.lost.with_label_values(&["listener"]).inc();
            let pause = retry.pause();
            tracing::warn!(host = self.address.hosts(), %error, ?pause, "the connection that listens is lost");
            if attempts_max > 0 && retry.failures() >= attempts_max {
                self.state.send_replace(State::GivenUp(error.to_string()));
                return;
            }
            self.state.send_replace(State::Down(error.to_string()));
            tokio::select! {
                () = sleep(pause) => {}
                () = life.stopping() => return,
            }
        }
    }

    /// One connection, to its end.
    async fn session(&self, was_up: &mut bool, retry: &mut Retry) -> DatabaseError {
        let connected = self.address.connect("listener", self.timing.connect).await;
        let mut session = match connected {
            Ok((client, link)) => {
                let now = Instant::now();
                Session { of: self, client, link, beat: None, beats: 0, due: now, heard: now }
            }
            Err(error) => return error,
        };
        if let Err(error) = session.begin().await {
            return error;
        }
        retry.reset();
        // After LISTEN, so that whoever now asks for what it missed misses nothing that comes.
        if *was_up {
            self.tell_gap(None);
        }
        *was_up = true;
        self.metrics.listening.set(1);
        self.state.send_replace(State::Up);
        tracing::info!(host = self.address.hosts(), "listening");
        loop {
            if let Err(error) = session.step().await {
                return error;
            }
        }
    }

    fn tell_gap(&self, only: Option<&str>) {
        if self.gap_events {
            self.metrics.gaps.inc_by(self.channels.gap(only) as u64);
        }
    }

    fn deliver(&self, channel: &str, payload: &str) {
        let routed = if channel == self.listen_channel { envelope::channel_of(payload) } else { None };
        let told = match routed {
            Some(channel) => self.channels.deliver(&channel, payload, Source::Notified),
            None if self.direct || channel == self.listen_channel => {
                self.channels.deliver(channel, payload, Source::Notified)
            }
            None => 0,
        };
        self.metrics.deliveries.inc_by(told as u64);
        let outcome = if told > 0 { "delivered" } else { "nobody" };
        self.metrics.notifications.with_label_values(&[outcome]).inc();
    }
}

impl Session<'_> {
    /// Listens to everything, and hears itself once: before that it is not up.
    async fn begin(&mut self) -> Result<(), DatabaseError> {
        let own = format!("listen {}; listen {}", quoted(&self.of.beat), quoted(&self.of.listen_channel));
        self.link.drive(self.of.timing.statement, self.client.batch_execute(&own)).await?;
        self.beat().await?;
        let mut early = Vec::new();
        while self.beat.is_some() {
            let until = self.deadline();
            tokio::select! {
                biased;
                notification = self.link.next() => match notification? {
                    notification if notification.channel() == self.of.beat => self.hear(notification).await?,
                    notification => {
                        self.heard = Instant::now();
                        early.push(notification);
                    }
                },
                () = sleep_until(until) => return Err(DatabaseError::Deaf),
            }
        }
        // Whoever has to be told of a gap is told before they hear what came after it.
        self.link.put_back(early);
        self.listen().await?;
        self.of.channels.listening(&[]);
        Ok(())
    }

    async fn step(&mut self) -> Result<(), DatabaseError> {
        let (is_beating, until) = (self.beat.is_some(), self.deadline());
        tokio::select! {
            biased;
            () = self.of.channels.changed() => {
                self.listen().await?;
                self.catch_up().await
            }
            () = sleep_until(self.due), if !is_beating => {
                self.unlisten().await?;
                self.beat().await?;
                self.catch_up().await
            }
            // Before the deadline: the heartbeat stands behind all that came before it.
            notification = self.link.next() => self.hear(notification?).await,
            () = sleep_until(until), if is_beating => Err(DatabaseError::Deaf),
        }
    }

    /// Hears what came while something else was waited for, so that no mass of newcomers keeps it from hearing.
    async fn catch_up(&mut self) -> Result<(), DatabaseError> {
        for _ in 0..self.link.kept() {
            let notification = self.link.next().await?;
            self.hear(notification).await?;
        }
        Ok(())
    }

    /// When a heartbeat must have come back. Whoever hears others meanwhile is not deaf, but behind.
    fn deadline(&self) -> Instant {
        let sent = self.beat.as_ref().map_or(self.heard, |beat| beat.sent);
        sent.max(self.heard) + self.of.timing.heartbeat_within
    }

    async fn beat(&mut self) -> Result<(), DatabaseError> {
        self.beats += 1;
        self.beat = Some(Beat { number: self.beats, sent: Instant::now() });
        let number = self.beats.to_string();
        let asks = self.of.lead.is_wanted();
        let lead = if asks { lead::TRY } else { "false" };
        let asked = format!("select pg_notify($1, $2), pg_notification_queue_usage(), {lead}");
        let parameters: [&(dyn ToSql + Sync); 2] = [&self.of.beat, &number];
        let answer = self.client.query_one(&asked, &parameters);
        let row = self.link.drive(self.of.timing.heartbeat_within, answer).await?;
        if asks {
            self.of.lead.set(row.get(2));
        }
        let usage: f64 = row.get(1);
        #[allow(clippy::cast_possible_truncation, reason = "it is between 0 and 1")]
        self.of.metrics.queue_usage.set((usage * 100.0).round() as i64);
        Ok(())
    }

    /// Has the database tell of the channels that are new.
    async fn listen(&mut self) -> Result<(), DatabaseError> {
        let missing = self.of.channels.missing();
        for names in missing.chunks(LISTEN_AT_ONCE) {
            let statement: Vec<String> =
                names.iter().map(|name| format!("listen {}", quoted(name))).collect();
            if self.execute(&statement.join(";")).await?.is_ok() {
                self.of.channels.listening(names);
                continue;
            }
            // One of them was refused, and with it all.
            for (name, statement) in names.iter().zip(&statement) {
                match self.execute(statement).await? {
                    Ok(()) => self.of.channels.listening(std::slice::from_ref(name)),
                    Err(why) => {
                        tracing::error!(
                            channel = &**name,
                            why,
                            "the database refuses to listen to a channel"
                        );
                        self.of.channels.refused(name);
                    }
                }
            }
        }
        Ok(())
    }

    async fn unlisten(&mut self) -> Result<(), DatabaseError> {
        let Some(before) = Instant::now().checked_sub(self.of.timing.unlisten_after) else { return Ok(()) };
        let deserted = self.of.channels.deserted(before);
        for names in deserted.chunks(LISTEN_AT_ONCE) {
            // The connection's own channel goes on whatever subscribers do.
            let names: Vec<Arc<str>> = names.to_vec();
            let statement: Vec<String> = names
                .iter()
                .filter(|name| ***name != *self.of.listen_channel)
                .map(|name| format!("unlisten {}", quoted(name)))
                .collect();
            if let Err(why) = self.execute(&statement.join(";")).await? {
                // What then comes on them has no subscriber.
                tracing::warn!(why, "the database refuses to end listening to channels");
            }
            self.of.channels.unlistened(&names);
        }
        if deserted.is_empty() { Ok(()) } else { self.listen().await }
    }

    /// Runs a statement; the inner error is what PostgreSQL says against it.
    async fn execute(&mut self, statement: &str) -> Result<Result<(), String>, DatabaseError> {
        match self.link.beside(self.of.timing.statement, self.client.batch_execute(statement)).await? {
            Ok(()) => Ok(Ok(())),
            Err(error) if is_refusal(&error) => Ok(Err(DatabaseError::from(error).to_string())),
            Err(error) => Err(error.into()),
        }
    }

    async fn hear(&mut self, notification: Notification) -> Result<(), DatabaseError> {
        let (channel, payload) = (notification.channel(), notification.payload());
        self.heard = Instant::now();
        // What was kept is heard without waiting for anything: others get their turn all the same.
        tokio::task::coop::consume_budget().await;
        if channel == self.of.beat {
            self.heard(payload);
            return Ok(());
        }
        let Some(overflow) = &self.of.overflow else {
            self.of.deliver(channel, payload);
            return Ok(());
        };
        let Some(id) = Overflow::id(payload) else {
            self.of.deliver(channel, payload);
            return Ok(());
        };
        // What comes meanwhile is kept, so the order is the database's.
        let fetched = self.link.beside(self.of.timing.statement, overflow.fetch(&self.client, &id)).await?;
        let why = match fetched {
            Ok(Some(payload)) => {
                self.of.deliver(channel, &payload);
                return Ok(());
            }
            Ok(None) => "it was removed before it was read".to_owned(),
            Err(error) if is_refusal(&error) => DatabaseError::from(error).to_string(),
            Err(error) => return Err(error.into()),
        };
        tracing::warn!(why, "a message in polysocket_overflow is lost to this node");
        self.of.tell_gap(Some(envelope::channel_of(payload).as_deref().unwrap_or(channel)));
        Ok(())
    }

    fn heard(&mut self, payload: &str) {
        if self.beat.as_ref().is_some_and(|beat| payload == beat.number.to_string())
            && let Some(beat) = self.beat.take()
        {
            self.of.metrics.heartbeat.observe(beat.sent.elapsed().as_secs_f64());
            self.due = beat.sent + self.of.timing.heartbeat_every;
        }
    }
}
