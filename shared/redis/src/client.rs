//! The handle.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, Value, cmd};
use tokio::time::{Instant, sleep, timeout_at};

use crate::call::Call;
use crate::error::Meaning;
use crate::link::Link;
use crate::place::{Place, State};
use crate::shared::Shared;
use crate::target::{Kind, Target};
use crate::{Authorities, Error, Listener, cluster};

/// Before a command is sent again that a server did not execute.
const AGAIN: Duration = Duration::from_millis(20);

/// What a [`Redis`] is opened with.
#[derive(Clone)]
pub struct Options {
    /// See [`check_url`].
    pub url: String,
    /// How long any command may take, the wait for a connection included.
    pub command_timeout: Duration,
}

/// Counters for a metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Servers that are connected now.
    pub up: u64,
    /// Connections made since the start.
    pub connects: u64,
}

/// Whether a URL can be used: `redis://[user:password@]host[:port][/db]`,
/// `redis-sentinel://[user:password@]host[:port],…/service[/db]` (with `?sentinel-user=…&sentinel-password=…` where
/// Sentinels have a password of their own), `redis-cluster://[user:password@]host[:port],…`; with `rediss`: TLS.
pub fn check_url(url: &str) -> Result<(), Error> {
    Target::parse(url).map(drop)
}

/// A Redis. Clones are handles of the same; its tasks end with [`stop`](Self::stop) or with the last handle.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    command_timeout: Duration,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
    }
}

impl Redis {
    /// Begins to connect, and goes on in the background. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a URL that cannot be used.
    pub fn open(options: &Options, listener: Arc<dyn Listener>) -> Result<Self, Error> {
        Self::open_with(options, None, listener)
    }

    /// The same. With TLS these authorities are believed, and no others; without them the system's are.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a URL that cannot be used.
    pub fn open_with(
        options: &Options,
        authorities: Option<Authorities>,
        listener: Arc<dyn Listener>,
    ) -> Result<Self, Error> {
        let target = Target::parse(&options.url)?.believing(authorities);
        let shared = Shared::new(target, listener);
        if let Kind::Cluster { seeds } = &shared.target.kind {
            let (seeds, stop) = (seeds.clone(), shared.stop.clone());
            let keep = cluster::keep(shared.clone(), seeds);
            shared.tasks.spawn(async move {
                stop.run_until_cancelled(keep).await;
            });
        }
        Ok(Self { inner: Arc::new(Inner { shared, command_timeout: options.command_timeout }) })
    }

    /// Runs a script on the server that has its keys.
    ///
    /// # Errors
    /// With [`Error::Unreachable`] it may have run or not.
    pub async fn script<T: FromRedisValue>(&self, call: &Call) -> Result<T, Error> {
        let mut whole = false;
        self.run(call.key(), |link, said| {
            whole |= said == Some(Meaning::NoScript);
            call.command(&link.server.identity, link.server.publish(), whole || said == Some(Meaning::Ask))
        })
        .await
    }

    /// Runs a command on the server that has a key.
    ///
    /// # Errors
    /// With [`Error::Unreachable`] it may have run or not.
    pub async fn command<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> Result<T, Error> {
        self.run(key.as_bytes(), |_, _| command.clone()).await
    }

    /// Whether it answers; a cluster: every server of it.
    pub async fn ping(&self) -> Result<(), Error> {
        let deadline = Instant::now() + self.inner.command_timeout;
        let places = self.inner.shared.places();
        if places.is_empty() {
            // Not known yet which there are.
            return self.run(b"", |_, _| cmd("PING")).await;
        }
        for place in places {
            let mut link = self.up(&place, deadline).await?;
            match timeout_at(deadline, cmd("PING").query_async::<Value>(&mut link.commands)).await {
                Ok(Ok(_)) => (),
                Ok(Err(error)) => return Err(self.explain(&place, &error)),
                Err(_) => return Err(self.late(&place)),
            }
        }
        Ok(())
    }

    /// Subscribes, and keeps that up until [`unsubscribe`](Self::unsubscribe), whatever becomes of the server. Returns
    /// when it is confirmed for the first time; on an error it is tried on in the background.
    pub async fn subscribe(&self, channel: &str) -> Result<(), Error> {
        let Some(confirmed) = self.inner.shared.want(channel) else { return Ok(()) };
        let deadline = Instant::now() + self.inner.command_timeout;
        // An outage that has lasted is told at once.
        let up = self.link(channel.as_bytes(), deadline).await.map(drop);
        match (up, timeout_at(deadline, confirmed)) {
            (Err(error), _) => Err(error),
            (Ok(()), confirmed) => match confirmed.await {
                Ok(Ok(())) => Ok(()),
                _ => Err(self.unreachable(None, "the subscription was not confirmed in time".to_owned())),
            },
        }
    }

    /// Ends it, soon.
    pub fn unsubscribe(&self, channel: &str) {
        self.inner.shared.unwant(channel);
    }

    /// Counters; does not wait.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.shared.counters;
        Stats { up: counters.up.get(), connects: counters.connects.get() }
    }

    /// Ends all tasks, and waits for that.
    pub async fn stop(&self) {
        self.inner.shared.stop.cancel();
        self.inner.shared.tasks.close();
        self.inner.shared.tasks.wait().await;
    }

    /// Runs what `command` makes, which may be asked again: with what the server said before.
    async fn run<T: FromRedisValue>(
        &self,
        key: &[u8],
        mut command: impl FnMut(&Link, Option<Meaning>) -> Cmd,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.inner.command_timeout;
        let mut said = None;
        loop {
            let (place, mut link) = self.link(key, deadline).await?;
            let one = command(&link, said);
            let result = match timeout_at(deadline, one.query_async(&mut link.commands)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => return Err(self.late(&place)),
            };
            let meaning = Meaning::of(&result);
            said = Some(meaning);
            match meaning {
                Meaning::NoScript => continue,
                Meaning::Elsewhere => self.inner.shared.doubt(&place),
                Meaning::Ask => {
                    let one = command(&link, said);
                    if let Some(value) = self.ask_elsewhere(&result, &one, deadline).await? {
                        return Ok(value);
                    }
                }
                Meaning::NotNow => (),
                Meaning::Broken | Meaning::Refused => return Err(self.explain(&place, &result)),
            }
            if Instant::now() + AGAIN >= deadline {
                return Err(self.unreachable(Some(&place), result.to_string()));
            }
            sleep(AGAIN).await;
        }
    }

    /// A slot is on its way from one server to another, and this key has arrived there. None: not quite.
    async fn ask_elsewhere<T: FromRedisValue>(
        &self,
        said: &RedisError,
        command: &Cmd,
        deadline: Instant,
    ) -> Result<Option<T>, Error> {
        let place = said.redirect_node().and_then(|(host, port)| self.inner.shared.place_at(host, port));
        let Some((place, mut link)) = place.and_then(|place| Some((place.clone(), place.link()?))) else {
            self.inner.shared.doubt.notify_one();
            return Ok(None);
        };
        let mut pipeline = redis::pipe();
        pipeline.cmd("ASKING").ignore().add_command(command.clone());
        match timeout_at(deadline, pipeline.query_async::<(T,)>(&mut link.commands)).await {
            Ok(Ok((value,))) => Ok(Some(value)),
            Ok(Err(error)) => match Meaning::of(&error) {
                Meaning::Broken | Meaning::Refused => Err(self.explain(&place, &error)),
                _ => Ok(None),
            },
            Err(_) => Err(self.late(&place)),
        }
    }

    /// The server that has a key, and a connection to it. A short interruption is waited out; in one that has lasted
    /// longer than a command may take, the answer is immediate, so that callers do not pile up.
    async fn link(&self, key: &[u8], deadline: Instant) -> Result<(Arc<Place>, Link), Error> {
        let mut routed = self.inner.shared.routed.subscribe();
        loop {
            routed.mark_unchanged();
            let Some(place) = self.inner.shared.place(key) else {
                if timeout_at(deadline, routed.changed()).await.is_err() {
                    return Err(self.unreachable(None, self.inner.shared.why_unknown()));
                }
                continue;
            };
            tokio::select! {
                link = self.up(&place, deadline) => match link {
                    Ok(link) => return Ok((place, link)),
                    // It may be elsewhere by now.
                    Err(_) if self.inner.shared.place(key).is_some_and(|home| !Arc::ptr_eq(&home, &place)) => (),
                    Err(error) => return Err(error),
                },
                Ok(()) = routed.changed() => (),
            }
        }
    }

    async fn up(&self, place: &Place, deadline: Instant) -> Result<Link, Error> {
        let mut state = place.state();
        let until = match &*state.borrow_and_update() {
            State::Up(link) => return Ok(link.clone()),
            State::Down { since, .. } => deadline.min(*since + self.inner.command_timeout),
        };
        let up = timeout_at(until, state.wait_for(|state| matches!(state, State::Up(_)))).await;
        if let Ok(Ok(state)) = up
            && let State::Up(link) = &*state
        {
            return Ok(link.clone());
        }
        let why = match &*place.state().borrow() {
            State::Up(_) => "just lost".to_owned(),
            State::Down { why, .. } => why.to_string(),
        };
        Err(self.unreachable(Some(place), why))
    }

    fn explain(&self, place: &Place, error: &RedisError) -> Error {
        if Meaning::of(error) == Meaning::Refused {
            Error::Refused { at: self.at(Some(place)), why: error.to_string() }
        } else {
            self.unreachable(Some(place), error.to_string())
        }
    }

    fn late(&self, place: &Place) -> Error {
        self.unreachable(Some(place), format!("no answer within {:?}", self.inner.command_timeout))
    }

    fn unreachable(&self, place: Option<&Place>, why: String) -> Error {
        Error::Unreachable { at: self.at(place), why }
    }

    fn at(&self, place: Option<&Place>) -> String {
        let target = &self.inner.shared.target;
        place.and_then(Place::address).map_or_else(|| target.names(), |address| target.name(address))
    }
}
