//! What all requests share, and the tasks behind it.

use std::sync::Arc;
use std::time::Duration;

use polysocket_config::{ConfigError, Problem, Span};
use polysocket_service::Lifecycle;
use polysocket_socket::{SocketLimits, SocketMetrics, Sockets};
use polysocket_tokens::OriginPattern;
use rand::Rng;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::channels::{Channels, Membership, Subscriber};
use crate::config::PostgresConfig;
use crate::database::{Address, read_url};
use crate::desk::{Desk, Message};
use crate::error::Rejection;
use crate::expiry::Expiries;
use crate::gate::Gate;
use crate::lead::Lead;
use crate::listener::{Listener, Timing};
use crate::metrics::PostgresMetrics;
use crate::notice::{Failure, From};
use crate::outbox::{Outbox, Replays, replay_bytes_max};
use crate::overflow::Overflow;
use crate::publisher::Publisher;
use crate::retry::Retry;
use crate::state::State;
use crate::{Wire, name};

/// What the bridge is made of; the caller has configured it.
pub struct Parts {
    /// The section `postgres`.
    pub config: PostgresConfig,
    /// Whether it contends for the lead with the other nodes at the same database ([`Postgres::leads`]).
    pub contends: bool,
    /// Limits of WebSockets.
    pub socket_limits: SocketLimits,
    /// What WebSockets count.
    pub socket_metrics: SocketMetrics,
    /// The phases of the process.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: PostgresMetrics,
}

/// The bridge. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub struct Postgres(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: PostgresConfig,
    pub(crate) listen_channel: Arc<str>,
    pub(crate) meta: Option<Arc<str>>,
    pub(crate) gate: Gate,
    pub(crate) origins: Vec<OriginPattern>,
    pub(crate) sockets: Sockets,
    /// Messages of one client in a second, and at once.
    pub(crate) pace: (u32, u32),
    pub(crate) channels: Arc<Channels>,
    pub(crate) desk: Desk,
    pub(crate) expiries: Arc<Expiries>,
    pub(crate) replays: Option<Replays>,
    pub(crate) metrics: Arc<PostgresMetrics>,
    lead: Arc<Lead>,
    listener: watch::Receiver<State>,
    publisher: watch::Receiver<State>,
    outbox: Option<watch::Receiver<State>>,
}

impl Postgres {
    /// Makes it and starts its tasks; they connect, and go on trying. Needs a tokio runtime.
    ///
    /// # Errors
    /// A database that is none, or keys that cannot be read.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { config, contends, socket_limits, socket_metrics, life, metrics } = parts;
        let wrong =
            |key: &str, text: String| ConfigError(vec![Problem::new(&format!("postgres.{key}"), text)]);
        if config.url.is_empty() {
            return Err(wrong("url", "is not set; write where the database is".to_owned()));
        }
        let url = read_url(&config.url).map_err(|text| wrong("url", text))?;
        let address = Address::parse(&url).map_err(|text| wrong("url", text))?;
        let gate = Gate::new(&config).map_err(|problem| ConfigError(vec![problem]))?;
        let direct = config.wire == Wire::Seed;
        let channels = Channels::new(direct, config.channels_max, metrics.channels.clone());
        let retry = Retry::new(config.retry_first.as_duration(), config.retry_longest.as_duration());
        let overflow = config.overflow.then(|| Overflow::new(config.overflow_keep.as_duration()));
        let spans = [config.connect_timeout, config.statement_timeout, config.publish_within];
        let [connect, statement, publish_within] = spans.map(Span::as_duration);
        let address = address.with_statement_timeout(statement);
        let expired = metrics.expired.clone();

        let lead = Arc::new(Lead::new(contends));
        let (listener_state, listener) = watch::channel(State::begin());
        let listening = Listener {
            address: address.clone(),
            channels: channels.clone(),
            listen_channel: config.listen_channel.clone(),
            direct,
            overflow: overflow.clone(),
            gap_events: config.gap_events,
            lead: lead.clone(),
            beat: format!("polysocket beat {:032x}", rand::rng().random::<u128>()),
            timing: Timing {
                connect,
                statement,
                heartbeat_every: config.heartbeat_every.as_duration(),
                heartbeat_within: config.heartbeat_within.as_duration(),
                unlisten_after: config.unlisten_after.as_duration(),
            },
            state: listener_state,
            metrics: metrics.clone(),
        };
        life.spawn(listening.run(retry.clone(), config.attempts_max, life.clone()));

        let (notices, receiver) = mpsc::unbounded_channel();
        let (publisher_state, publisher) = watch::channel(State::begin());
        let publishing = Publisher {
            address: address.clone(),
            notices: receiver,
            overflow,
            batch_messages_max: config.batch_messages_max,
            connect_within: connect,
            statement_within: statement,
            state: publisher_state,
            listener: listener.clone(),
            metrics: metrics.clone(),
        };
        life.spawn(publishing.run(retry.clone(), life.clone()));
        let bytes_max = config.queue_bytes_max.as_usize().min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let metrics = Arc::new(metrics);
        let desk = Desk {
            notices,
            bytes: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
            within: publish_within,
            overflow_bytes_max: config.overflow.then(|| config.overflow_bytes_max.as_usize()),
            metrics: metrics.clone(),
        };

        let mut replays = None;
        let mut outbox = None;
        if config.outbox {
            let (asked, receiver) = Replays::channel();
            let (state, told) = watch::channel(State::begin());
            let reading = Outbox {
                address,
                channels: channels.clone(),
                replays: receiver,
                poll_every: config.outbox_poll_every.as_duration(),
                gap_events: config.gap_events,
                replay_max: config.outbox_replay_max,
                replay_bytes_max: replay_bytes_max(&socket_limits),
                connect_within: connect,
                statement_within: statement,
                state,
                metrics: PostgresMetrics::clone(&metrics),
            };
            life.spawn(reading.run(retry, life.clone()));
            (replays, outbox) = (Some(asked), Some(told));
        }
        Ok(Self(Arc::new(Shared {
            listen_channel: config.listen_channel.as_str().into(),
            meta: config.meta_channel.as_deref().map(Into::into),
            gate,
            // The configuration was checked; a pattern that could not be read would allow nobody.
            origins: config.origins.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
            pace: (socket_limits.messages_per_second, socket_limits.messages_burst),
            // Who is faster is read later (`pace`), and not closed.
            sockets: Sockets::new(
                SocketLimits { messages_per_second: 0, ..socket_limits },
                life.clone(),
                socket_metrics,
            ),
            channels,
            desk,
            expiries: Expiries::start(&life, move || expired.inc()),
            replays,
            metrics,
            lead,
            listener,
            publisher,
            outbox,
            config,
        })))
    }

    /// Whether it can do its work now, or why not.
    pub fn ready(&self) -> Result<(), String> {
        let shared = &self.0;
        let tasks = [
            ("listener", Some(&shared.listener)),
            ("publisher", Some(&shared.publisher)),
            ("outbox", shared.outbox.as_ref()),
        ];
        for (task, state) in tasks {
            if let Some(why) = state.and_then(|state| state.borrow().problem().map(str::to_owned)) {
                return Err(format!("postgres {task}: {why}"));
            }
        }
        Ok(())
    }

    /// Until as many attempts to connect have failed in a row as `postgres.attempts_max` allows: then why. Never with
    /// 0 there. The process should end: it is of no use any more.
    pub async fn given_up(&self) -> String {
        let mut state = self.0.listener.clone();
        let ended = state.wait_for(|state| matches!(state, State::GivenUp(_))).await;
        match ended.ok().and_then(|state| state.problem().map(str::to_owned)) {
            Some(why) => why,
            // The process stops.
            None => std::future::pending().await,
        }
    }

    /// Notifies a channel of the database, for others in this process. `payload` goes as it is, in the same batches as
    /// what clients say.
    ///
    /// # Errors
    /// Why the database does not have it.
    pub async fn notify(&self, channel: &str, payload: String) -> Result<(), Failure> {
        if !name::is_valid(channel) {
            return Err(Failure::NotAllowed("this is no channel: a name has 1 to 63 bytes"));
        }
        let (answer, answered) = oneshot::channel();
        let channel: Arc<str> = channel.into();
        let message =
            Message { channel: channel.clone(), logical: channel, payload, until: self.0.desk.due() };
        self.0.desk.hand_in(message, From::Caller(answer), None).await;
        answered.await.unwrap_or(Err(Failure::Late))
    }

    /// Subscribes somebody in this process to a channel, until the guard is dropped. None: there are too many channels.
    pub fn subscribe(&self, channel: &str, subscriber: Arc<dyn Subscriber>) -> Option<Membership> {
        if name::is_valid(channel) { self.0.channels.join(channel, subscriber) } else { None }
    }

    /// Whether this node leads: at most one of those that contend does, and while the lead changes hands, which takes no
    /// longer than `postgres.heartbeat_every`, none.
    pub fn leads(&self) -> bool {
        self.0.lead.is_held()
    }

    /// Until what comes on these channels is heard.
    pub async fn heard(&self, memberships: &[Membership]) {
        self.0.channels.heard(memberships).await;
    }

    /// Open connections of clients.
    pub fn open(&self) -> usize {
        self.0.sockets.open()
    }
}

impl Shared {
    /// Until nothing is notified, for the database is away or the process stops.
    pub(crate) async fn away(&self) {
        let (mut listener, mut publisher) = (self.listener.clone(), self.publisher.clone());
        let is_down = |state: &State| state.problem().is_some();
        tokio::select! {
            _ = listener.wait_for(is_down) => {}
            _ = publisher.wait_for(is_down) => {}
        }
    }

    pub(crate) fn count(&self, rejection: &Rejection) {
        self.metrics.rejected.with_label_values(&[rejection.word()]).inc();
        tracing::debug!(reason = rejection.word(), "a request was refused");
    }
}

/// Longer than a drain may take: what waits for the database has been handed over or given up by then.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);
