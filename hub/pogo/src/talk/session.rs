//! The client's state, and which message does what.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_broker::Subscription;
use polysocket_socket::{CloseSummary, Conversation, Incoming, Sender};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::DropGuard;

use super::bind::Bind;
use super::replay::Replays;
use crate::access::{Credential, Scope};
use crate::nodes::random_id;
use crate::pogo::Pogo;
use crate::wire::{Action, Code, Codec, Dialect, Failure, Request, ack, error, read};

/// What is known of a client when it connects.
pub(crate) struct Opening {
    pub(crate) codec: Codec,
    pub(crate) address: Option<IpAddr>,
    pub(crate) origin: Option<String>,
}

/// The client, shared by its connection's task, its reads and its timers.
pub(super) struct Client {
    pub(super) pogo: Pogo,
    pub(super) sender: Sender,
    pub(super) opening: Opening,
    /// 128 random bits: in channels, whose event it is; before the API, what makes its `seqId`s its own.
    pub(super) id: String,
    reads: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) credential: Option<Credential>,
    /// Ends the session in time, unless it is dropped.
    pub(super) expiry: Option<DropGuard>,
    pub(super) binds: HashMap<String, Bind>,
    pub(super) channels: HashMap<String, Subscription>,
    pub(super) replays: Replays,
    pub(super) closed: bool,
}

/// Where the answer to a message goes.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) dialect: Dialect,
    pub(super) id: Option<Box<RawValue>>,
}

impl Client {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn codec(&self) -> Codec {
        self.opening.codec
    }

    pub(super) fn credential(&self) -> Option<Credential> {
        self.state().credential.clone()
    }

    pub(super) fn scope(&self) -> Scope {
        self.state().credential.as_ref().map_or(Scope::Anonymous, Credential::scope)
    }

    pub(super) fn send(&self, frame: Bytes) {
        self.sender.send(frame);
    }

    pub(super) fn ack_frame(&self, reply: &Reply, data: Option<&[u8]>) -> Bytes {
        ack(reply.dialect, reply.id.as_deref(), data, self.codec())
    }

    pub(super) fn ack(&self, reply: &Reply, data: Option<&[u8]>) {
        self.send(self.ack_frame(reply, data));
    }

    /// Tells the client if it did not work.
    fn conclude(&self, reply: &Reply, result: Result<(), Failure>) {
        self.pogo.0.count(match &result {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure),
        });
        if let Err(failure) = result {
            self.send(error(reply.dialect, reply.id.as_deref(), &failure, self.codec()));
        }
    }

    fn admit(&self, action: &Action) -> Result<(), Failure> {
        let credential = self.credential();
        self.pogo.0.admit(self.opening.address, credential.as_ref().map(Credential::name))?;
        let anonymous = credential.is_none() && !matches!(action, Action::Auth { .. });
        if anonymous && self.pogo.0.config.auth_required {
            return Err(Failure::new(Code::Unauthorized, "say who you are first, by `auth` with a token"));
        }
        Ok(())
    }
}

/// The conversation of a connection.
pub(crate) struct Talk(Arc<Client>);

impl Talk {
    pub(crate) fn new(pogo: Pogo, sender: Sender, opening: Opening) -> Self {
        let reads = Arc::new(Semaphore::new(pogo.0.config.reads_at_once_max as usize));
        Self(Arc::new(Client { pogo, sender, opening, id: random_id(), reads, state: Mutex::default() }))
    }

    async fn act(&self, request: Request) {
        let client = &self.0;
        let reply = Reply { dialect: request.dialect, id: request.id };
        if let Err(failure) = client.admit(&request.action) {
            return client.conclude(&reply, Err(failure));
        }
        let action = request.action;
        if matches!(action, Action::Bind { .. } | Action::Get { .. }) {
            // It is never closed.
            let Ok(turn) = client.reads.clone().acquire_owned().await else { return };
            let reading = client.clone();
            client.pogo.0.life.spawn(async move {
                let result = match action {
                    Action::Bind { path, options } => reading.bind(&reply, path, options).await,
                    Action::Get { path } => reading.get(&reply, &path).await,
                    _ => Ok(()),
                };
                reading.conclude(&reply, result);
                drop(turn);
            });
            return;
        }
        let alone = matches!(
            action,
            Action::Auth { .. }
                | Action::Unbind { .. }
                | Action::Post { .. }
                | Action::Put { .. }
                | Action::Delete { .. }
        );
        let _turns = if alone {
            client.reads.acquire_many(client.pogo.0.config.reads_at_once_max).await.ok()
        } else {
            None
        };
        let result = match action {
            Action::Auth { token } => client.auth(&reply, &token).await,
            Action::Unbind { path } => {
                client.unbind(&reply, &path);
                Ok(())
            }
            Action::Post { path, data, idempotent } => client.post(&reply, &path, data, idempotent).await,
            Action::Put { path, data } => client.put(&reply, &path, data).await,
            Action::Delete { path, data } => client.delete(&reply, &path, data).await,
            Action::Subscribe { channel } => client.subscribe(&reply, channel).await,
            Action::Unsubscribe { channel } => {
                client.unsubscribe(&reply, &channel);
                Ok(())
            }
            Action::Say { event, channel, data } => {
                client.say(&reply, &event, &channel, data.as_deref()).await
            }
            Action::Bind { .. } | Action::Get { .. } => Ok(()),
        };
        client.conclude(&reply, result);
    }
}

impl Conversation for Talk {
    async fn message(&mut self, message: Incoming) {
        match read(&message, self.0.codec()) {
            Ok(request) => self.act(request).await,
            Err(refused) => {
                let reply = Reply { dialect: refused.dialect, id: refused.id };
                self.0.conclude(&reply, Err(refused.failure));
            }
        }
    }

    async fn closed(self, _how: CloseSummary) {
        let mut state = self.0.state();
        state.closed = true;
        let (binds, channels) = (std::mem::take(&mut state.binds), std::mem::take(&mut state.channels));
        state.expiry = None;
        drop(state);
        drop(channels);
        for bind in binds.into_values() {
            self.0.pogo.0.feeds.detach(&bind.member);
        }
    }
}
