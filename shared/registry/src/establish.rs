//! The one question a router asks a relay, and its answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SocketLease;

/// What a relay is asked to open. Everything in it has been decided: token, origin, target and limits were checked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Establish {
    /// The same for every repeat of the same create, so that it opens one socket.
    pub request_id: String,
    /// The URL to open, `ws:` or `wss:`.
    pub target: String,
    /// Subprotocols to offer, in this order.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// The `Origin` header for the upstream.
    #[serde(default)]
    pub origin: Option<String>,
    /// The origin of the page, as verified by the router.
    #[serde(default)]
    pub page_origin: Option<String>,
    /// Whether to wait with dialling until a receiver says so.
    #[serde(default)]
    pub hold: bool,
    /// What the relay renews while the socket lives and releases at its end.
    #[serde(default)]
    pub socket_lease: Option<SocketLease>,
    /// Bytes per second that all sockets of the `holder` may carry on one relay, both ways together.
    #[serde(default)]
    pub bytes_per_second_max: Option<u64>,
    /// Who has the token, where that has such a limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub holder: String,
    /// What was left of the router's deadline when the message was sent, ms.
    pub budget_ms: u64,
}

impl fmt::Debug for Establish {
    /// Only the request: targets carry secrets in their query, and this ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Establish").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    /// The socket is there.
    Opened {
        /// Its id. Whoever has it has the socket.
        socket: String,
        /// Its own label before the node's address; empty where there are none.
        label: String,
        /// The subprotocol the upstream chose, or empty.
        protocol: String,
        /// The extensions the upstream chose, or empty.
        extensions: String,
        /// Which socket of this incarnation it is, counted from 1; see [`NodeLease::opened`](crate::NodeLease::opened).
        #[serde(default)]
        serial: u64,
    },
    /// It could not be opened.
    Failed {
        /// A word of the fixed list in `docs/PROTOCOL.md` §2.
        word: String,
        /// For the log: what happened.
        detail: String,
    },
}

impl fmt::Debug for Outcome {
    /// Without the id of the socket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { label, protocol, extensions, .. } => f
                .debug_struct("Opened")
                .field("label", label)
                .field("protocol", protocol)
                .field("extensions", extensions)
                .finish_non_exhaustive(),
            Self::Failed { word, detail } => {
                f.debug_struct("Failed").field("word", word).field("detail", detail).finish()
            }
        }
    }
}
