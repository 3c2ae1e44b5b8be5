//! One line and one count for each create, however it ends.

use std::fmt::Write;

use polysocket_protocol::Word;
use tokio::time::Instant;

use crate::metrics::{HUNG_UP, OPENED, RouterMetrics};
use crate::refusal::Refusal;

/// The longest `from` that is logged, characters.
const FROM_CHARS_MAX: usize = 64;
/// A refusal with a status below this is the client's fault, except that of a limit, which its operator may have to raise.
const OUR_FAULT: u16 = 500;

/// What is said of a create when it is over. Never a token, a nonce, a socket id or more of the target than its origin.
#[derive(Debug)]
pub(crate) struct Account {
    metrics: RouterMetrics,
    pub(crate) began: Instant,
    from: String,
    pub(crate) target: String,
    pub(crate) node: String,
    outcome: &'static str,
    note: String,
    clients_fault: bool,
}

impl Account {
    /// A create begins.
    pub(crate) fn open(metrics: RouterMetrics) -> Self {
        metrics.in_flight.inc();
        Self {
            metrics,
            began: Instant::now(),
            from: String::new(),
            target: String::new(),
            node: String::new(),
            outcome: HUNG_UP,
            note: String::new(),
            clients_fault: true,
        }
    }

    /// What the client calls itself, fit for a log.
    pub(crate) fn set_from(&mut self, from: &str) {
        let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        self.from = from.chars().take(FROM_CHARS_MAX).map(plain).collect();
    }

    /// Something the log should have.
    pub(crate) fn note(&mut self, note: &str) {
        let separator = if self.note.is_empty() || note.is_empty() { "" } else { "; " };
        // Writing to a String cannot fail.
        let _ = write!(self.note, "{separator}{note}");
    }

    /// How it ended.
    pub(crate) fn end<T>(&mut self, result: &Result<T, Refusal>) {
        match result {
            Ok(_) => {
                self.outcome = OPENED;
                self.clients_fault = false;
            }
            Err(refusal) => self.refused(refusal),
        }
    }

    /// It ended so.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        self.outcome = refusal.word.as_str();
        self.clients_fault = refusal.word.status() < OUR_FAULT && refusal.word != Word::Limit;
        self.note(&refusal.note);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics.in_flight.dec();
        self.metrics.seconds.observe(took.as_secs_f64());
        self.metrics.creates.with_label_values(&[self.outcome]).inc();
        let (Self { from, target, node, outcome, note, .. }, ms) = (&*self, took.as_millis());
        // A client that knocks again and again must not fill the log.
        if self.clients_fault {
            tracing::debug!(outcome, from, target, node, ms, note, "create");
        } else {
            tracing::info!(outcome, from, target, node, ms, note, "create");
        }
    }
}
