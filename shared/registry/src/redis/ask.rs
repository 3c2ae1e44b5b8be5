//! Asks over channels.

use std::time::Duration;

use tokio::time::timeout;

use super::RedisRegistry;
use super::answer::Notices;
use super::switchboard::Switchboard;
use super::wire::{ToNode, encode};
use crate::asks::no_answer;
use crate::desk::Asker;
use crate::{AskError, Asks, Establish, Outcome, RegistryError, limits};

impl RedisRegistry {
    pub(super) async fn ask_channel(
        &self,
        node: &str,
        boot: u64,
        establish: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError> {
        limits::check_node(node)?;
        limits::check_establish(establish)?;
        let channel = self.keys.asks(node, boot);
        let (ask, outcome) = self.switchboard.open_ask()?;
        let asker = Asker { reply_to: self.switchboard.replies.clone(), ask };
        let mut establish = establish.clone();
        establish.budget_ms = establish.budget_ms.min(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let mut waits = Waits {
            switchboard: &self.switchboard,
            notices: &self.notices,
            channel: &channel,
            request_id: establish.request_id.clone(),
            asker: asker.clone(),
            heard: true,
        };
        let message = encode(&ToNode::Establish { asker, establish })?;
        let answered = timeout(wait, async {
            if self.connection.publish(&channel, &message).await? == 0 {
                waits.heard = false;
                return Err(AskError::NoSuchNode { node: node.to_owned() });
            }
            let outcome = outcome.await.unwrap_or_else(|_| no_answer("this process is stopping"));
            waits.heard = false;
            Ok(outcome)
        })
        .await;
        answered.unwrap_or_else(|_| {
            // Not the relay's fault, if its answer has no way back.
            Err(match self.connection.unreachable() {
                Some(error) => error.into(),
                None => AskError::TimedOut { node: node.to_owned() },
            })
        })
    }

    pub(super) async fn serve_channel(&self, node: &str, boot: u64) -> Result<Asks, RegistryError> {
        limits::check_node(node)?;
        let channel = self.keys.asks(node, boot);
        let (desk, asks) = self.switchboard.open_desk(&channel)?;
        let switchboard = self.switchboard.clone();
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(desk.served().cancelled()).await;
            switchboard.changed.notify_one();
        });
        let mut subscribed = self.switchboard.subscribed.subscribe();
        let confirmed = subscribed.wait_for(|channels| channels.contains(&channel));
        if timeout(self.connection.command_timeout(), confirmed).await.is_err() {
            tracing::warn!(node, "registry not reached yet: nobody can ask this node until it is");
        }
        Ok(asks)
    }
}

/// An ask that a relay may have heard of: tells it when the asker goes before the answer has come.
struct Waits<'a> {
    switchboard: &'a Switchboard,
    notices: &'a Notices,
    channel: &'a str,
    request_id: String,
    asker: Asker,
    heard: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.switchboard.close_ask(self.asker.ask);
        if self.heard {
            let request_id = std::mem::take(&mut self.request_id);
            let cancel = ToNode::Cancel { asker: self.asker.clone(), request_id };
            self.notices.post(self.channel, encode(&cancel));
        }
    }
}
