//! A message on its way to the database, and what becomes of it.

use std::sync::Arc;

use polysocket_service::metrics::IntGauge;
use polysocket_socket::{Sender, text_frame};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::envelope::{self, PAYLOAD_BYTES_MAX};
use crate::metrics::PostgresMetrics;

/// Why a message was not passed on. The text is for its sender.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The sender's.
    #[error("message too large: {bytes} > {max} bytes")]
    TooLong {
        /// What the envelope has.
        bytes: usize,
        /// What it may have.
        max: usize,
    },
    /// The sender's: its token does not allow it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The database's, or the operator's.
    #[error("the database refused the message")]
    Refused(String),
    /// The database's: it was away for too long.
    #[error("the database is away")]
    Late,
}

impl Failure {
    /// Too long for a notification.
    pub fn too_long(bytes: usize, max: Option<usize>) -> Self {
        Self::TooLong { bytes, max: max.unwrap_or(PAYLOAD_BYTES_MAX) }
    }

    fn code(&self) -> u16 {
        match self {
            Self::TooLong { .. } => 1009,
            Self::NotAllowed(_) => 1008,
            // The same may go well elsewhere or later.
            Self::Refused(_) | Self::Late => 1013,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too-long",
            Self::NotAllowed(_) => "not-allowed",
            Self::Refused(_) => "refused",
            Self::Late => "late",
        }
    }
}

/// Who is told when a message was not passed on.
#[derive(Debug)]
pub enum From {
    /// A client: by an event if it asked for events, else by the end of its connection.
    Client {
        /// The connection.
        sender: Sender,
        /// It asked for events.
        events: bool,
    },
    /// A caller in this process, who waits.
    Caller(oneshot::Sender<Result<(), Failure>>),
    /// Nobody.
    Nobody,
}

/// A message for the database.
pub struct Notice {
    /// The database's channel.
    pub channel: Arc<str>,
    /// The channel that its sender knows.
    pub logical: Arc<str>,
    /// At most [`PAYLOAD_BYTES_MAX`] bytes, unless there is a table for longer ones.
    pub payload: String,
    /// Who is told.
    pub from: From,
    /// Until when the database must have it.
    pub until: Instant,
    /// Its place among all, and among those of its sender.
    pub _room: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
    /// Counts it while it waits.
    pub waiting: Waiting,
}

impl Notice {
    /// The database has it.
    pub fn done(self) {
        self.waiting.metrics.messages.with_label_values(&["notified"]).inc();
        if let From::Caller(caller) = self.from {
            let _ = caller.send(Ok(()));
        }
    }

    /// The database does not have it and will not.
    pub fn fail(self, failure: &Failure) {
        tell(&self.waiting.metrics, self.from, &self.logical, failure);
    }
}

/// Tells the sender.
pub fn tell(metrics: &PostgresMetrics, from: From, channel: &str, failure: &Failure) {
    metrics.messages.with_label_values(&[failure.word()]).inc();
    if let Failure::Refused(why) = failure {
        tracing::warn!(why, "the database refused a message");
    }
    match from {
        From::Client { sender, events: true } => {
            let text = envelope::error(channel, &failure.to_string());
            sender.send(text_frame(text.as_bytes()));
        }
        From::Client { sender, events: false } => sender.close(failure.code(), &failure.to_string()),
        From::Caller(caller) => drop(caller.send(Err(failure.clone()))),
        From::Nobody => {}
    }
}

/// Counts a message for as long as it waits.
pub struct Waiting {
    pub metrics: Arc<PostgresMetrics>,
    bytes: i64,
}

impl Waiting {
    pub fn new(metrics: Arc<PostgresMetrics>, bytes: usize) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or_default();
        metrics.waiting.inc();
        metrics.waiting_bytes.add(bytes);
        Self { metrics, bytes }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let gauges: [(&IntGauge, i64); 2] =
            [(&self.metrics.waiting, 1), (&self.metrics.waiting_bytes, self.bytes)];
        for (gauge, by) in gauges {
            gauge.sub(by);
        }
    }
}
