//! The relay's side of an ask.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use polysocket_protocol::Word;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Establish, Outcome};

/// What is asked of one incarnation of a node, in order of arrival. Dropping it stops serving.
#[derive(Debug)]
pub struct Asks {
    pub(crate) queue: mpsc::Receiver<Message>,
    /// Takes the node off the registry.
    pub(crate) _served: DropGuard,
}

impl Asks {
    /// The next message; `None` when the registry was dropped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        self.queue.recv().await
    }
}

/// What a relay hears.
#[derive(Debug)]
pub enum Message {
    /// Somebody asks. The same request id may come more than once, from several askers: the relay opens one socket
    /// and answers all of them.
    Establish(Box<Establish>, Replier),
    /// Nobody waits for this request id any more: stop dialling, and close the socket if it was opened. Comes also
    /// after an answer that was too late for its asker.
    Cancel(String),
}

/// How an answer gets back to its asker.
#[async_trait]
pub(crate) trait Answer: Send + Sync {
    /// Sends it, again and again if need be, until an asker's process has it (`true`) or there is nobody (`false`).
    async fn deliver(&self, outcome: &Outcome) -> bool;
    /// Sends it once, without waiting.
    fn post(&self, outcome: Outcome);
}

/// Answers one ask. Dropped without an answer, it says `no-capacity`, so that the router tries another node at once.
pub struct Replier {
    request_id: String,
    deadline: Instant,
    cancelled: CancellationToken,
    answer: Option<Arc<dyn Answer>>,
}

impl Replier {
    pub(crate) fn new(
        request_id: String,
        deadline: Instant,
        cancelled: CancellationToken,
        answer: Arc<dyn Answer>,
    ) -> Self {
        Self { request_id, deadline, cancelled, answer: Some(answer) }
    }

    /// The request it belongs to.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// When the asker stops waiting, by this process's clock.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Waits until the asker waits no more: it gave up, or its deadline is over (its process may be gone and cannot
    /// say so). Cancel-safe.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.cancelled.cancelled() => (),
            () = sleep_until(self.deadline) => (),
        }
    }

    /// Whether the asker waits no more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled() || Instant::now() >= self.deadline
    }

    /// Answers. `false` when nobody waits any more, or nobody could be told before the deadline: then nobody knows of
    /// the socket, and the relay closes it. While the registry cannot be reached this waits, until the deadline.
    pub async fn reply(mut self, outcome: Outcome) -> bool {
        let Some(answer) = self.answer.take() else { return false };
        if self.is_cancelled() {
            return false;
        }
        tokio::select! {
            biased;
            delivered = answer.deliver(&outcome) => delivered,
            () = self.cancelled() => false,
        }
    }
}

impl Drop for Replier {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take()
            && !self.is_cancelled()
        {
            answer.post(no_answer("the relay dropped the request"));
        }
    }
}

impl fmt::Debug for Replier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replier").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

/// The answer of a relay that has none.
pub(crate) fn no_answer(why: &str) -> Outcome {
    Outcome::Failed { word: Word::NoCapacity.as_str().to_owned(), detail: why.to_owned() }
}
