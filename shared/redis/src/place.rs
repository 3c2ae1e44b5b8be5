//! One server as those who use it see it: there, or not there and why; and the task that keeps it so.
//!
//! `redis::aio::ConnectionManager` reconnects too, but lets commands wait for that without a bound, gives up until the
//! next command, forgets subscriptions, and does not notice a peer that is silent rather than closed.

use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::link::{Lines, Link, Server, connect};
use crate::sentinel;
use crate::shared::Shared;
use crate::subscriptions::Subscriptions;
use crate::target::{Address, Kind};

/// Name look-up, TCP, TLS, handshake and, with Sentinel, asking it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Before the first attempt to reconnect; doubles up to the next.
const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(50);
/// Between attempts while the server is away. A hundred processes then make some 300 attempts per second.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Between signs of life.
const PING_EVERY: Duration = Duration::from_secs(1);
/// How long one of them may take.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// A single late answer may be a slow moment of the server; giving up costs every call in flight.
const PINGS_MISSED_MAX: u32 = 2;
/// Channels subscribed to in one go; each is a command of its own, as a cluster demands.
const SUBSCRIBE_AT_ONCE_MAX: usize = 512;
/// How long that may take.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) struct Place {
    /// None: wherever the primary is now.
    address: Option<Address>,
    state: watch::Sender<State>,
    pub subscriptions: Arc<Subscriptions>,
    /// Told when it may not be the right server any more.
    pub doubt: Notify,
    stop: CancellationToken,
}

#[derive(Clone)]
pub(crate) enum State {
    Up(Link),
    Down { since: Instant, why: Arc<str> },
}

impl Place {
    pub fn new(address: Option<Address>, stop: CancellationToken) -> Self {
        let state = State::Down { since: Instant::now(), why: "not connected yet".into() };
        Self {
            address,
            state: watch::Sender::new(state),
            subscriptions: Arc::default(),
            doubt: Notify::new(),
            stop,
        }
    }

    pub fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub fn link(&self) -> Option<Link> {
        match &*self.state.borrow() {
            State::Up(link) => Some(link.clone()),
            State::Down { .. } => None,
        }
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Keeps the time since when it is down.
    fn set_down(&self, why: &str) {
        self.state.send_modify(|state| {
            let since = match state {
                State::Up(_) => Instant::now(),
                State::Down { since, .. } => *since,
            };
            *state = State::Down { since, why: why.into() };
        });
    }

    /// Until told to stop.
    pub async fn keep(self: Arc<Self>, shared: Arc<Shared>) {
        self.stop.run_until_cancelled(self.keep_connected(&shared)).await;
        if self.link().is_some() {
            shared.counters.up.sub();
        }
        self.set_down("not used any more");
    }

    async fn keep_connected(&self, shared: &Shared) {
        let mut delay = RECONNECT_DELAY_MIN;
        loop {
            let why = match timeout(CONNECT_TIMEOUT, self.connect(shared)).await {
                Ok(Ok((at, lines))) => {
                    tracing::info!(at, "Redis connected");
                    shared.counters.connects.add();
                    shared.counters.up.add();
                    delay = RECONNECT_DELAY_MIN;
                    self.state.send_replace(State::Up(lines.link.clone()));
                    let why = self.watch(lines).await;
                    shared.counters.up.sub();
                    tracing::warn!(at, why, "Redis lost");
                    why
                }
                Ok(Err(why)) => why,
                Err(_) => format!("no connection within {CONNECT_TIMEOUT:?}"),
            };
            // Also drops what is left of the connections, and with them every call in flight.
            self.set_down(&why);
            self.subscriptions.reset();
            shared.doubt.notify_one();
            tracing::debug!(at = shared.target.names(), why, "Redis not connected");
            sleep(jittered(delay)).await;
            delay = (delay * 2).min(RECONNECT_DELAY_MAX);
        }
    }

    async fn connect(&self, shared: &Shared) -> Result<(String, Lines), String> {
        let target = &shared.target;
        let address = match (&self.address, &target.kind) {
            (Some(address), _) | (None, Kind::Alone(address)) => address.clone(),
            (None, Kind::Sentinel { sentinels, service }) => {
                sentinel::primary(target, sentinels, service).await?
            }
            (None, Kind::Cluster { .. }) => return Err("a cluster has no single server".to_owned()),
        };
        let at = target.name(&address);
        let explain = |error: RedisError| format!("{at}: {error}");
        let client = target.server(&address).map_err(explain)?;
        let lines = connect(&client, &self.subscriptions, &shared.listener).await.map_err(explain)?;
        if lines.link.server.is_primary { Ok((at, lines)) } else { Err(format!("{at} is a replica")) }
    }

    /// Until the connection is lost; says why.
    async fn watch(&self, mut lines: Lines) -> String {
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        loop {
            let asked = tokio::select! {
                () = lines.lost.cancelled() => return "the connection was closed".to_owned(),
                () = self.subscriptions.changed.notified() => {
                    if let Err(why) = self.subscribe(&mut lines).await {
                        return why;
                    }
                    continue;
                }
                () = self.doubt.notified() => self.is_the_same(&mut lines).await,
                _ = ticks.tick() => self.is_the_same(&mut lines).await,
            };
            match asked {
                Ok(()) => missed = 0,
                Err(Some(why)) => return why,
                Err(None) => missed += 1,
            }
            if missed >= PINGS_MISSED_MAX {
                return format!("{missed} signs of life were not answered within {PING_TIMEOUT:?} each");
            }
        }
    }

    /// Whether both connections live and the server is what it was. Without a reason it only did not answer in time.
    async fn is_the_same(&self, lines: &mut Lines) -> Result<(), Option<String>> {
        let was = lines.link.server.clone();
        let ping = redis::cmd("PING");
        let asked = async {
            tokio::try_join!(
                Server::ask(&mut lines.link.commands),
                ping.query_async::<Value>(&mut lines.pushes)
            )
        };
        match timeout(PING_TIMEOUT, asked).await {
            Ok(Ok((server, _))) if server == *was => Ok(()),
            Ok(Ok(_)) => Err(Some("the server is another one now, or a replica".to_owned())),
            Ok(Err(error)) => Err(Some(error.to_string())),
            Err(_) => Err(None),
        }
    }

    /// Brings what is subscribed to what is wanted.
    async fn subscribe(&self, lines: &mut Lines) -> Result<(), String> {
        let server = lines.link.server.clone();
        loop {
            let (add, remove) = self.subscriptions.next(SUBSCRIBE_AT_ONCE_MAX);
            if add.is_empty() && remove.is_empty() {
                return Ok(());
            }
            let mut pipeline = redis::pipe();
            for (command, names) in [(server.subscribe(), &add), (server.unsubscribe(), &remove)] {
                for name in names {
                    pipeline.cmd(command).arg(&**name);
                }
            }
            // The confirmations have their effect where pushes come in.
            let asked = timeout(SUBSCRIBE_TIMEOUT, pipeline.query_async::<Value>(&mut lines.pushes)).await;
            match asked {
                Ok(Ok(_)) => (),
                Ok(Err(error)) => return Err(format!("a subscription failed: {error}")),
                Err(_) => {
                    return Err(format!("subscriptions were not confirmed within {SUBSCRIBE_TIMEOUT:?}"));
                }
            }
        }
    }
}

/// Half to all of it, so that a hundred processes do not come back in one moment.
pub(crate) fn jittered(delay: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    delay / 2 + delay.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}
