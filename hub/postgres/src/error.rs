//! Why a client is turned away, and why a database cannot be used.

use http::StatusCode;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// Why a request for a WebSocket is refused. The text is the answer's body, as the original has it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The client's: `exp` has passed.
    #[error("Token expired")]
    Expired,
    /// The client's: no `mode` that is `r`, `w` or `rw`.
    #[error("Missing mode")]
    MissingMode,
    /// The client's: no channel, or one that the token does not list.
    #[error("No allowed channels")]
    NoChannels,
    /// The client's: the token is none, or not ours.
    #[error("Error: {0}")]
    Token(&'static str),
    /// The client's: the page's origin is not among `postgres.origins`.
    #[error("Origin not allowed")]
    Origin,
    /// Ours or the operator's: no key, no database, no room; it may be tried again.
    #[error("{0}")]
    Unavailable(String),
}

impl Rejection {
    /// The original answers 400 whatever it is; with `strict`, what HTTP has for it.
    pub(crate) fn status(&self, strict: bool) -> StatusCode {
        match self {
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ if !strict => StatusCode::BAD_REQUEST,
            Self::Expired | Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::MissingMode | Self::NoChannels => StatusCode::FORBIDDEN,
        }
    }

    /// For metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::MissingMode => "mode",
            Self::NoChannels => "channels",
            Self::Token(_) => "token",
            Self::Origin => "origin",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// All of them.
    pub(crate) const WORDS: [&'static str; 6] =
        ["expired", "mode", "channels", "token", "origin", "unavailable"];
}

/// What is wrong with the connection to the database. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DatabaseError {
    /// Operator: what is configured cannot be used.
    #[error("{0}")]
    Config(String),
    /// Operator or network: nothing came of it in time.
    #[error("the database did not answer within {0:?}")]
    TimedOut(std::time::Duration),
    /// The connection ended.
    #[error("the database closed the connection")]
    Closed,
    /// It answers, but what it is asked to notify does not come back.
    #[error(
        "the database does not deliver notifications on this connection; is there a pooler in transaction mode between?"
    )]
    Deaf,
    /// What PostgreSQL says.
    #[error("{0}")]
    Said(String),
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return Self::Said(format!("{} (SQLSTATE {})", said.message(), said.code().code()));
        }
        if error.is_closed() {
            return Self::Closed;
        }
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self::Said(text)
    }
}

/// Whether it concerns the statement and not the server: then another connection would fare no better.
pub(crate) fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else { return false };
    // Operator intervention and connection exceptions (PostgreSQL's manual, appendix A).
    let of_the_server = code.code().starts_with("57") || code.code().starts_with("08");
    // Whoever waited for a lock in vain may have it the next time.
    !of_the_server && *code != SqlState::READ_ONLY_SQL_TRANSACTION && *code != SqlState::LOCK_NOT_AVAILABLE
}
