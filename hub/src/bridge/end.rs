//! The ends of a bridge, as the configuration names them.

use std::str::FromStr;

use polysocket_broker::Topic;
use polysocket_gockets::Key;

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
}

impl End {
    /// Where the broker has it.
    pub(crate) fn topic(&self) -> Topic {
        match self {
            Self::Rocket { hub, channel } => polysocket_rocket::topic(hub, channel),
            Self::Gockets(key) => Topic::new(crate::hub::GOCKETS, key.to_string()),
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
            _ => Err(format!("`{protocol}` has no channels; `rocket:…` and `gockets:…` have")),
        }
    }
}
