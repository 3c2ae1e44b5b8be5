//! Where messages for the database are handed in.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use crate::envelope::PAYLOAD_BYTES_MAX;
use crate::metrics::PostgresMetrics;
use crate::notice::{Failure, From, Notice, Waiting, tell};

/// Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub notices: mpsc::UnboundedSender<Notice>,
    /// One permit for each byte that may wait.
    pub bytes: Arc<Semaphore>,
    pub bytes_max: usize,
    pub within: Duration,
    /// Longer messages than notifications take, where there is a table for them.
    pub overflow_bytes_max: Option<usize>,
    pub metrics: Arc<PostgresMetrics>,
}

/// A message that is handed in.
pub struct Message {
    /// The database's channel.
    pub channel: Arc<str>,
    /// The channel that the sender knows.
    pub logical: Arc<str>,
    pub payload: String,
    /// Until when the database must have it ([`Desk::due`]).
    pub until: Instant,
}

impl Desk {
    /// What is too long for the database.
    pub fn judge(&self, payload: &str) -> Result<(), Failure> {
        let max = self.overflow_bytes_max.unwrap_or(PAYLOAD_BYTES_MAX).max(PAYLOAD_BYTES_MAX);
        if payload.len() > max { Err(Failure::too_long(payload.len(), Some(max))) } else { Ok(()) }
    }

    /// Until when the database must have what comes now.
    pub fn due(&self) -> Instant {
        Instant::now() + self.within
    }

    /// Hands a message in, after waiting for room: among all messages and, where it has such a limit, among its
    /// sender's.
    pub async fn hand_in(&self, message: Message, from: From, own: Option<&Arc<Semaphore>>) {
        let Message { channel, logical, payload, until } = message;
        if let Err(failure) = self.judge(&payload) {
            return tell(&self.metrics, from, &logical, &failure);
        }
        let bytes = u32::try_from(payload.len().min(self.bytes_max)).unwrap_or(u32::MAX);
        let room = async {
            let own = match own {
                Some(own) => own.clone().acquire_owned().await.ok(),
                None => None,
            };
            let all = self.bytes.clone().acquire_many_owned(bytes).await.ok()?;
            Some((all, own))
        };
        match timeout_at(until, room).await {
            Ok(Some(room)) => {
                let waiting = Waiting::new(self.metrics.clone(), payload.len());
                let notice = Notice { channel, logical, payload, from, until, _room: room, waiting };
                // The other side goes away only when the process ends.
                let _ = self.notices.send(notice);
            }
            _ => tell(&self.metrics, from, &logical, &Failure::Late),
        }
    }
}
