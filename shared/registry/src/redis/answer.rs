//! What goes out on channels: answers, which somebody waits for, and notices, which nobody does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::wire::{Reply, encode};
use crate::asks::Answer;
use crate::desk::Asker;
use crate::limits::NOTICES_QUEUED_MAX;
use crate::stats::Counters;
use crate::{Outcome, RegistryError};

/// Between two attempts to deliver an answer: Redis may have come back, and the asker's subscription not yet.
const RETRY_EVERY: Duration = Duration::from_millis(100);
/// Notices sent by one pipeline.
const NOTICES_PER_PIPELINE: usize = 64;

/// A message that is sent once, soon, by [`Postman`].
struct Notice {
    channel: String,
    message: String,
}

/// Where notices are handed in.
#[derive(Clone)]
pub(super) struct Notices {
    queue: mpsc::Sender<Notice>,
    counters: Arc<Counters>,
}

/// Sends them.
pub(super) struct Postman {
    queue: mpsc::Receiver<Notice>,
    counters: Arc<Counters>,
}

impl Notices {
    pub fn new(counters: Arc<Counters>) -> (Self, Postman) {
        let (sender, queue) = mpsc::channel(NOTICES_QUEUED_MAX);
        (Self { queue: sender, counters: counters.clone() }, Postman { queue, counters })
    }

    /// Does not wait; what does not fit is counted.
    pub fn post(&self, channel: &str, message: Result<String, RegistryError>) {
        let notice = message.map(|message| Notice { channel: channel.to_owned(), message });
        if !notice.is_ok_and(|notice| self.queue.try_send(notice).is_ok()) {
            self.counters.notices_dropped.add(1);
        }
    }
}

impl Postman {
    /// Until told to stop.
    pub async fn run(mut self, connection: Arc<Connection>, stop: CancellationToken) {
        let mut batch = Vec::new();
        while let Some(1..) =
            stop.run_until_cancelled(self.queue.recv_many(&mut batch, NOTICES_PER_PIPELINE)).await
        {
            let mut pipeline = ::redis::pipe();
            for Notice { channel, message } in &batch {
                pipeline.cmd("PUBLISH").arg(channel).arg(message).ignore();
            }
            let pipeline = &pipeline;
            let sent = connection
                .run(|mut connection| async move { pipeline.exec_async(&mut connection).await })
                .await;
            if let Err(error) = sent {
                // Deadlines do what these would have done sooner.
                self.counters.notices_dropped.add(batch.len());
                tracing::debug!(%error, notices = batch.len(), "registry notices not sent");
            }
            batch.clear();
        }
    }
}

/// Makes the way back to an asker.
#[derive(Clone)]
pub(super) struct Answers {
    pub connection: Arc<Connection>,
    pub notices: Notices,
}

impl Answers {
    pub fn to(&self, asker: &Asker) -> ByChannel {
        ByChannel { asker: asker.clone(), way: self.clone() }
    }
}

/// The way back to one asker.
pub(super) struct ByChannel {
    asker: Asker,
    way: Answers,
}

impl ByChannel {
    fn encoded(&self, outcome: Outcome) -> Result<String, RegistryError> {
        encode(&Reply { ask: self.asker.ask, outcome })
    }
}

#[async_trait]
impl Answer for ByChannel {
    async fn deliver(&self, outcome: &Outcome) -> bool {
        let Ok(reply) = self.encoded(outcome.clone()) else { return false };
        // The caller sets the end: the asker's deadline, or its cancel.
        loop {
            match self.way.connection.publish(&self.asker.reply_to, &reply).await {
                Ok(1..) => return true,
                Ok(0) => (),
                Err(error) => tracing::debug!(%error, "registry reply not sent yet"),
            }
            sleep(RETRY_EVERY).await;
        }
    }

    fn post(&self, outcome: Outcome) {
        self.way.notices.post(&self.asker.reply_to, self.encoded(outcome));
    }
}
