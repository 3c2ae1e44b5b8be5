//! Which of the two forms messages have on their way to the database.

use polysocket_config::{Kind, ValueType};
use serde::{Deserialize, Serialize};

/// How a client's message becomes a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// As PostgREST-WS began (2016): the database's channel is the client's, and the payload is
    /// `{"userClaims":{…},"payload":"…"}`.
    #[default]
    Seed,
    /// As postgres-websockets is now: one channel of the database for all, and the payload is
    /// `{"claims":{…},"event":"WebsocketMessage","payload":"…","channel":"…"}`.
    Current,
}

impl ValueType for Wire {
    const KIND: Kind = Kind::Text;
    fn takes() -> String {
        "`seed` or `current`".to_owned()
    }
}
