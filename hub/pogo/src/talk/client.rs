//! A client's state, and answering it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_broker::Subscription;
use polysocket_socket::Sender;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::DropGuard;

use super::replay::Replays;
use crate::access::{Credential, Scope};
use crate::feed::Member;
use crate::nodes::random_id;
use crate::pogo::Pogo;
use crate::upstream::Resource;
use crate::wire::{Action, Code, Codec, Dialect, Failure, ack, error};

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
    /// Turns of its reads.
    pub(super) reads: Arc<Semaphore>,
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

/// One bind of a client.
pub(super) struct Bind {
    pub(super) member: Arc<Member>,
    pub(super) resource: Resource,
    /// Ends it in time, unless it is dropped.
    pub(super) _ttl: Option<DropGuard>,
}

/// Where the answer to a message goes.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) dialect: Dialect,
    pub(super) id: Option<Box<RawValue>>,
}

impl Client {
    pub(super) fn new(pogo: Pogo, sender: Sender, opening: Opening) -> Self {
        let reads = Arc::new(Semaphore::new(pogo.0.config.reads_at_once_max as usize));
        Self { pogo, sender, opening, id: random_id(), reads, state: Mutex::default() }
    }

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
    pub(super) fn conclude(&self, reply: &Reply, result: Result<(), Failure>) {
        self.pogo.0.count(match &result {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure),
        });
        if let Err(failure) = result {
            self.send(error(reply.dialect, reply.id.as_deref(), &failure, self.codec()));
        }
    }

    pub(super) fn admit(&self, action: &Action) -> Result<(), Failure> {
        let credential = self.credential();
        self.pogo.0.admit(self.opening.address, credential.as_ref().map(Credential::name))?;
        let anonymous = credential.is_none() && !matches!(action, Action::Auth { .. });
        if anonymous && self.pogo.0.config.auth_required {
            return Err(Failure::new(Code::Unauthorized, "say who you are first, by `auth` with a token"));
        }
        Ok(())
    }
}
