//! Why a message was refused, and the name that goes over the wire. This is the only place that knows the names.

use polysocket_config::{Kind, ValueType};
use serde::{Deserialize, Serialize};

/// Which names of errors are spoken. The original's documentation and the commit that carries it disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Dialect {
    /// Those of the original's documentation, version 0.2.
    #[default]
    #[serde(rename = "0.2")]
    Readme,
    /// Those of the development line that became 0.3, with its stricter rules: `unsubscribe` and `logout` need a
    /// session, events need a name, and a wrong secret leaves the session as it was.
    #[serde(rename = "0.3-dev")]
    Dev,
}

impl ValueType for Dialect {
    const KIND: Kind = Kind::Text;

    fn takes() -> String {
        "`0.2` or `0.3-dev`".into()
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "0.2" => Ok(Self::Readme),
            "0.3-dev" => Ok(Self::Dev),
            _ => Err(format!("takes {}", Self::takes())),
        }
    }
}

/// A limit of the operator's, as the client is told of it: the key of the configuration, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    pub(crate) max: u64,
}

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is not one object with one action, or a field beyond the original's has a wrong type. The client's fault.
    Payload,
    /// `user` is missing or no text.
    UserField,
    /// `secret` is missing or no text.
    SecretField,
    /// `channel` is missing, no text, or empty where it must not be.
    ChannelField,
    /// `event` is missing or no text.
    EventField,
    /// `client` is missing or no text.
    ClientField,
    /// There is no such action.
    UnknownAction(String),
    /// No user has this name.
    UnknownUser,
    /// The secret is not the user's.
    WrongSecret,
    /// The token is not good; why not, for the developer of the page.
    BadToken(String),
    /// The session may not do this, or there is none.
    Denied,
    /// Nobody has ever subscribed to this channel.
    UnknownChannel,
    /// The channel of a broadcast is empty: the name of none (0.2), or no name (0.3-dev).
    EmptyChannel,
    /// No connection has this token.
    UnknownClient,
    /// It would exceed a limit of the operator's.
    Limit(Limit),
    /// The operator's fault: the broker, or what checks tokens, cannot be reached now. Try again.
    Unavailable,
}

/// Every name there is, for the metric.
pub(crate) const NAMES: [&str; 14] = [
    "INVALID_PAYLOAD",
    "INVALID_USER",
    "INVALID_CREDENTIALS",
    "ACCESS_DENIED",
    "INVALID_CHANNEL",
    "INVALID_CLIENT",
    "UNDEFINED_EVENT",
    "LIMIT_EXCEEDED",
    "UNAVAILABLE",
    "USER_NOT_FOUND",
    "INVALID_USER_NAME",
    "INVALID_CHANNEL_NAME",
    "CHANNEL_NOT_FOUND",
    "INVALID_EVENT_NAME",
];

impl Reason {
    /// The name the client is told.
    pub(crate) fn name(&self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::UserField, Dialect::Dev) => "INVALID_USER_NAME",
            (Self::ChannelField | Self::EmptyChannel, Dialect::Dev) => "INVALID_CHANNEL_NAME",
            (Self::EventField, Dialect::Dev) => "INVALID_EVENT_NAME",
            (Self::UnknownUser, Dialect::Dev) => "USER_NOT_FOUND",
            (Self::UnknownChannel, Dialect::Dev) => "CHANNEL_NOT_FOUND",
            (
                Self::Payload
                | Self::UserField
                | Self::SecretField
                | Self::ChannelField
                | Self::EventField
                | Self::ClientField,
                _,
            ) => "INVALID_PAYLOAD",
            (Self::UnknownAction(_), _) => "UNDEFINED_EVENT",
            (Self::UnknownUser, _) => "INVALID_USER",
            (Self::WrongSecret | Self::BadToken(_), _) => "INVALID_CREDENTIALS",
            (Self::Denied, _) => "ACCESS_DENIED",
            (Self::UnknownChannel | Self::EmptyChannel, _) => "INVALID_CHANNEL",
            (Self::UnknownClient, _) => "INVALID_CLIENT",
            (Self::Limit(_), _) => "LIMIT_EXCEEDED",
            (Self::Unavailable, _) => "UNAVAILABLE",
        }
    }
}
