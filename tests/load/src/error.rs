//! What can go wrong in a run, by whose fault it is.

use std::io;
use std::time::Duration;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller or the machine lacks something; the text says what to do.
    #[error("cannot run: {0}")]
    Setup(String),
    /// The subject answered what its protocol does not allow, or a wrong echo.
    #[error("the subject answered wrongly: {0}")]
    Answer(String),
    /// The subject or the upstream did not answer in time.
    #[error("no answer within {limit:?}: {waiting_for}")]
    Late { waiting_for: &'static str, limit: Duration },
    /// A connection broke, or the operating system refused.
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: io::Error },
    /// The run ended, but not every session did what it should.
    #[error("{errors} sessions failed; the first: {first}")]
    Failed { errors: u64, first: String },
    #[error("stopped by a signal")]
    Stopped,
}

/// `.map_err(doing("connect"))`
pub fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { doing, source }
}

/// Awaits a peer, but no longer than `limit`.
pub async fn within<T>(
    limit: Duration,
    waiting_for: &'static str,
    peer: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::time::timeout(limit, peer).await.unwrap_or(Err(Error::Late { waiting_for, limit }))
}
