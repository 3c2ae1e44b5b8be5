//! The ends of a bridge, as the configuration names them.

use std::str::FromStr;

use polysocket_broker::Topic;
use polysocket_gockets::Key;

use crate::Protocol;

/// A channel of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// `rocket:HUB:CHANNEL`, the hub by its path.
    Rocket {
        /// The hub's path.
        hub: String,
        /// Its channel.
        channel: String,
    },
    /// `gockets:KEY`, the subscriber key.
    Gockets(Key),
    /// `postgres:CHANNEL`, of the database.
    Postgres(String),
}

impl End {
    /// Whose channel it is.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Rocket { .. } => Protocol::Rocket,
            Self::Gockets(_) => Protocol::Gockets,
            Self::Postgres(_) => Protocol::Postgres,
        }
    }

    /// Where the broker has it, if it does.
    pub(crate) fn topic(&self) -> Option<Topic> {
        match self {
            Self::Rocket { hub, channel } => Some(polysocket_rocket::topic(hub, channel)),
            Self::Gockets(key) => Some(Topic::new(crate::protocols::GOCKETS, key.to_string())),
            Self::Postgres(_) => None,
        }
    }
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (protocol, channel) = text.split_once(':').unwrap_or((text, ""));
        match protocol {
            "rocket" => match channel.split_once(':') {
                Some((hub, channel)) if hub.starts_with('/') && !channel.is_empty() => {
                    Ok(Self::Rocket { hub: hub.to_owned(), channel: channel.to_owned() })
                }
                _ => Err("a channel of Rocket is `rocket:/PATH:CHANNEL`, with the path of its hub".into()),
            },
            "gockets" => {
                let key = Key::parse(channel);
                key.map(Self::Gockets)
                    .map_err(|_| "a channel of Gockets is `gockets:KEY`, with its subscriber key".into())
            }
            "postgres" if (1..=63).contains(&channel.len()) => Ok(Self::Postgres(channel.to_owned())),
            "postgres" => {
                Err("a channel of PostgreSQL is `postgres:CHANNEL`, a name of 1 to 63 bytes".into())
            }
            _ => Err(format!("`{protocol}` has no channels; `rocket:…`, `gockets:…` and `postgres:…` have")),
        }
    }
}
