//! The connection as its users see it: there, or not there and why.
//!
//! Every command ends within `command_timeout`, the wait for a connection included. A short interruption is waited
//! out; in one that has lasted longer than that the answer is immediate, so that routers do not pile up requests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use crate::RegistryError;

/// One connection of a process to its server, shared by all calls. The [`Keeper`](super::keeper::Keeper) sets its state.
pub(super) struct Connection {
    /// Scheme, host and port; never a credential.
    at: String,
    command_timeout: Duration,
    state: watch::Sender<State>,
    /// The server has become a replica: another one is to be written to, perhaps by the same name.
    replica: Notify,
}

#[derive(Clone)]
enum State {
    Up(MultiplexedConnection),
    Down { since: Instant, why: Arc<str> },
}

impl Connection {
    pub fn new(at: String, command_timeout: Duration) -> Self {
        let state = State::Down { since: Instant::now(), why: "not connected yet".into() };
        Self { at, command_timeout, state: watch::Sender::new(state), replica: Notify::new() }
    }

    pub fn at(&self) -> &str {
        &self.at
    }

    pub fn command_timeout(&self) -> Duration {
        self.command_timeout
    }

    pub fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), State::Up(_))
    }

    pub fn set_up(&self, connection: MultiplexedConnection) {
        self.state.send_replace(State::Up(connection));
    }

    /// Until the server says that it takes no writes any more.
    pub async fn becomes_a_replica(&self) {
        self.replica.notified().await;
    }

    /// Keeps the time since when it is down.
    pub fn set_down(&self, why: &str) {
        self.state.send_modify(|state| {
            let since = match state {
                State::Up(_) => Instant::now(),
                State::Down { since, .. } => *since,
            };
            *state = State::Down { since, why: why.into() };
        });
    }

    /// Why there is none now.
    pub fn unreachable(&self) -> Option<RegistryError> {
        match &*self.state.borrow() {
            State::Up(_) => None,
            State::Down { why, .. } => Some(self.unreachable_because(why.to_string())),
        }
    }

    /// Runs one command or pipeline.
    pub async fn run<T, F>(
        &self,
        command: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, RegistryError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let deadline = Instant::now() + self.command_timeout;
        let connection = self.connected(deadline).await?;
        match timeout_at(deadline, command(connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.explain(&error)),
            Err(_) => Err(self.unreachable_because(format!("no answer within {:?}", self.command_timeout))),
        }
    }

    /// Runs a script; loads it when the server has lost it.
    pub async fn script<T: FromRedisValue>(
        &self,
        invocation: &ScriptInvocation<'_>,
    ) -> Result<T, RegistryError> {
        self.run(|mut connection| async move { invocation.invoke_async(&mut connection).await }).await
    }

    /// Publishes; returns how many connections received it. On a cluster: `SPUBLISH`.
    pub async fn publish(&self, channel: &str, message: &str) -> Result<u64, RegistryError> {
        self.run(|mut connection| async move {
            ::redis::cmd("PUBLISH").arg(channel).arg(message).query_async(&mut connection).await
        })
        .await
    }

    async fn connected(&self, deadline: Instant) -> Result<MultiplexedConnection, RegistryError> {
        let mut state = self.state.subscribe();
        let until = match &*state.borrow_and_update() {
            State::Up(connection) => return Ok(connection.clone()),
            State::Down { since, .. } => deadline.min(*since + self.command_timeout),
        };
        let up = timeout_at(until, state.wait_for(|state| matches!(state, State::Up(_)))).await;
        if let Ok(Ok(state)) = up
            && let State::Up(connection) = &*state
        {
            return Ok(connection.clone());
        }
        Err(self.unreachable().unwrap_or_else(|| self.unreachable_because("just lost".to_owned())))
    }

    fn explain(&self, error: &RedisError) -> RegistryError {
        if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
            self.replica.notify_one();
            return self.unreachable_because(error.to_string());
        }
        // What a server says while it starts, or hands over to another, passes by itself.
        let passes = matches!(
            error.kind(),
            ErrorKind::Io
                | ErrorKind::Server(
                    ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain
                )
        );
        if passes || error.is_timeout() || error.is_connection_dropped() {
            self.unreachable_because(error.to_string())
        } else {
            RegistryError::Refused { at: self.at.clone(), why: error.to_string() }
        }
    }

    fn unreachable_because(&self, why: String) -> RegistryError {
        RegistryError::Unreachable { at: self.at.clone(), why }
    }
}
