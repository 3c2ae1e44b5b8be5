//! Binding to paths.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::client::{Bind, Client, Reply};
use crate::document::Version;
use crate::feed::{Form, Member, Out, Style};
use crate::wire::{BindOptions, Code, Dialect, Failure, bind_expired};

impl Client {
    /// Acked when it is known what is there; then the state follows, now and with each change.
    pub(super) async fn bind(
        self: &Arc<Self>,
        reply: &Reply,
        path: String,
        options: BindOptions,
    ) -> Result<(), Failure> {
        let shared = &self.pogo.0;
        let resource = shared.base.resource(&path)?;
        let form = match (options.patch, options.numbered) {
            (Some(kind), _) => Form::Patched(kind),
            (None, true) => Form::Numbered,
            (None, false) => Form::Plain,
        };
        let style = Style::Socket { dialect: reply.dialect, codec: self.codec(), form };
        let known = options.since.as_deref().and_then(Version::parse);
        let out = Out::Socket(self.sender.clone());
        let (timer, ttl) = match options.ttl {
            Some(ttl) => {
                let over = CancellationToken::new();
                (Some(over.clone().drop_guard()), Some((over, ttl)))
            }
            None => (None, None),
        };
        let (member, old) = {
            let mut state = self.state();
            if state.closed {
                return Ok(());
            }
            if !state.binds.contains_key(&path) && state.binds.len() >= shared.config.binds_max {
                let most = shared.config.binds_max;
                return Err(Failure::new(
                    Code::TooManyBinds,
                    format!("a connection has at most {most} binds; unbind some"),
                ));
            }
            let credential = state.credential.clone();
            let member = Arc::new(Member::new(shared.feeds.new_id(), style, out, credential, known, false));
            shared.feeds.attach(&resource, &member)?;
            let bind = Bind { member: member.clone(), resource, _ttl: timer };
            let old = state.binds.insert(path.clone(), bind);
            (member, old)
        };
        let ack = self.ack_frame(reply, None);
        // The old one stays until the new one is known to work.
        let replaces = old.as_ref().map(|old| &*old.member);
        let settled = shared.feeds.settled(&member, Some(ack), options.snapshot, replaces).await;
        if let Err(failure) = settled {
            self.give_back(path, member.id, old);
            return Err(failure);
        }
        if let Some(old) = old {
            shared.feeds.detach(&old.member);
        }
        if let Some((over, ttl)) = ttl {
            let (client, dialect) = (self.clone(), reply.dialect);
            shared.life.spawn(async move {
                tokio::select! {
                    () = over.cancelled() => {}
                    () = client.sender.closed() => {}
                    () = tokio::time::sleep(ttl) => client.expire(&path, member.id, dialect),
                }
            });
        }
        Ok(())
    }

    fn expire(&self, path: &str, member: u64, dialect: Dialect) {
        if let Some(bind) = self.remove(path, member) {
            self.pogo.0.feeds.detach(&bind.member);
            self.send(bind_expired(dialect, path, self.codec()));
        }
    }

    /// Takes this very bind away, if it is still there.
    fn remove(&self, path: &str, member: u64) -> Option<Bind> {
        let mut state = self.state();
        let is_this = state.binds.get(path).is_some_and(|bind| bind.member.id == member);
        if is_this { state.binds.remove(path) } else { None }
    }

    /// A bind has failed: the one before it is there again, unless all of it has ended meanwhile.
    fn give_back(&self, path: String, member: u64, old: Option<Bind>) {
        let mut state = self.state();
        let is_this = state.binds.get(&path).is_some_and(|bind| bind.member.id == member);
        if is_this {
            state.binds.remove(&path);
        }
        let Some(old) = old else { return };
        if is_this && self.pogo.0.feeds.has(&old.member) {
            state.binds.insert(path, old);
        } else {
            drop(state);
            self.pogo.0.feeds.detach(&old.member);
        }
    }

    /// A path that is not bound is acked as well.
    pub(super) fn unbind(&self, reply: &Reply, path: &str) {
        let bind = self.state().binds.remove(path);
        if let Some(bind) = bind {
            self.pogo.0.feeds.detach(&bind.member);
        }
        self.ack(reply, None);
    }

    /// Asks for all bound resources again, with the credential of now. What is the same is not told again.
    pub(super) fn rebind(&self) {
        let shared = &self.pogo.0;
        let mut state = self.state();
        let credential = state.credential.clone();
        for bind in state.binds.values_mut() {
            let old = bind.member.clone();
            let member =
                old.successor(shared.feeds.new_id(), credential.clone(), Out::Socket(self.sender.clone()));
            shared.feeds.detach(&old);
            let member = Arc::new(member);
            shared.feeds.attach_or_wait(&bind.resource, &member);
            bind.member = member;
        }
    }
}
