//! Many sockets that are told the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use polysocket_load::stats::Latencies;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::bridge::open;
use crate::{Result, TEXT};

/// In each round.
const MESSAGES: usize = 100;
/// For all to have heard one.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// Sockets that count what they hear.
pub struct Fan {
    sockets: Vec<JoinHandle<()>>,
    /// All of them have heard as much as any.
    done: Arc<Notify>,
}

impl Drop for Fan {
    fn drop(&mut self) {
        self.sockets.iter().for_each(JoinHandle::abort);
    }
}

impl Fan {
    pub async fn open(address: &str, path: &str, count: usize) -> Result<Self> {
        let (heard, done) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let mut sockets = Vec::new();
        for _ in 0..count {
            let mut ws = open(address, path).await?;
            let (heard, done) = (heard.clone(), done.clone());
            sockets.push(tokio::spawn(async move {
                while let Some(Ok(message)) = ws.next().await {
                    if message.is_text()
                        && (heard.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(count as u64)
                    {
                        done.notify_one();
                    }
                }
            }));
        }
        Ok(Self { sockets, done })
    }

    /// From saying something to the last socket's having heard it.
    pub async fn tell(&self, say: impl AsyncFn(String) -> Result<()>) -> Result<Latencies> {
        let mut latencies = Latencies::default();
        for number in 0..MESSAGES {
            let begin = Instant::now();
            say(format!("{number} {TEXT}")).await?;
            tokio::time::timeout(HEARD_WITHIN, self.done.notified()).await?;
            latencies.push(begin.elapsed());
        }
        Ok(latencies)
    }
}
