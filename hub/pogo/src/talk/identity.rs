//! `auth`, and the end of a session.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::client::{Client, Reply};
use super::replay::Replays;
use crate::access::Session;
use crate::config::AuthMode;
use crate::wire::{Failure, auth_expired};

impl Client {
    /// Another token takes the place of the one before, and binds are asked for again with it. One that is refused changes
    /// nothing.
    pub(super) async fn auth(self: &Arc<Self>, reply: &Reply, token: &str) -> Result<(), Failure> {
        let session = self.pogo.0.authority.judge(token, self.opening.origin.as_deref()).await?;
        let expires = session.expires;
        // What one has asked is not answered to another.
        self.state().replays = Replays::default();
        if self.enter(session) {
            self.ack(reply, Some(format!("{{\"expires\":{expires}}}").as_bytes()));
            self.rebind();
        }
        Ok(())
    }

    /// False: the client has gone.
    fn enter(self: &Arc<Self>, session: Session) -> bool {
        let over = CancellationToken::new();
        let mut state = self.state();
        if state.closed {
            return false;
        }
        state.credential = Some(session.credential.clone());
        state.expiry = Some(over.clone().drop_guard());
        drop(state);
        let client = self.clone();
        self.pogo.0.life.spawn(async move {
            tokio::select! {
                () = over.cancelled() => {}
                () = client.sender.closed() => {}
                () = tokio::time::sleep(session.ends_in()) => client.expired(&over, session).await,
            }
        });
        true
    }

    /// Asks once more where there is somebody to ask; else the session ends, and with it all binds (P11).
    async fn expired(self: &Arc<Self>, over: &CancellationToken, session: Session) {
        if self.pogo.0.config.auth == AuthMode::Introspect {
            let again =
                self.pogo.0.authority.judge(session.credential.token(), self.opening.origin.as_deref()).await;
            if let Ok(again) = again {
                if !over.is_cancelled() {
                    self.enter(again);
                }
                return;
            }
        }
        let mut state = self.state();
        // Another token came while it was asked.
        if over.is_cancelled() {
            return;
        }
        state.credential = None;
        state.expiry = None;
        state.replays = Replays::default();
        let binds = std::mem::take(&mut state.binds);
        drop(state);
        for bind in binds.into_values() {
            self.pogo.0.feeds.detach(&bind.member);
        }
        self.send(auth_expired(self.codec()));
    }
}
