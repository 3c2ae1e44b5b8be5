//! The conversation: which message does what, and what waits for what.

use std::sync::Arc;

use polysocket_socket::{CloseSummary, Conversation, Incoming, Sender};

use super::client::{Client, Opening, Reply};
use crate::pogo::Pogo;
use crate::wire::{Action, Request, read};

/// The conversation of a connection.
pub(crate) struct Talk(Arc<Client>);

impl Talk {
    pub(crate) fn new(pogo: Pogo, sender: Sender, opening: Opening) -> Self {
        Self(Arc::new(Client::new(pogo, sender, opening)))
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
