//! What a token may have.

use serde::{Deserialize, Serialize};

/// One socket that counts against its token. It expires unless renewed, so that a crash leaks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SocketLease {
    /// Whose it is: what names the token or its subject. It becomes part of a key and of logs, so not a secret.
    pub holder: String,
    /// Which of the holder's it is; chosen by the router, unique.
    pub id: String,
}

/// A question to [`admit`](crate::Registry::admit).
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// The lease to be counted.
    pub lease: SocketLease,
    /// Sockets the holder may have at the same time; `None` for any number.
    pub sockets_max: Option<u32>,
    /// Creates per second, on average; `None` for any number. A whole second's worth (at least one) may come at once.
    pub creates_per_second: Option<f64>,
}

/// Its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Counted.
    Admitted,
    /// The holder has as many sockets as it may.
    TooManySockets,
    /// The holder creates faster than it may.
    TooManyCreates {
        /// When the next one would be admitted, ms.
        retry_after_ms: u64,
    },
}
