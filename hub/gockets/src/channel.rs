//! A channel: two keys, and what its owner said of it.

use serde::{Deserialize, Serialize};

use crate::Key;
use crate::hooks::Secret;

/// A channel as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its owner's key.
    pub publisher: Key,
    /// Its listeners' key.
    pub subscriber: Key,
    /// When it was made, ms since 1970.
    pub created_ms: u64,
    /// What may be edited.
    #[serde(flatten)]
    pub settings: Settings,
}

/// What the owner of a channel chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where messages of listeners are posted, as the owner wrote it; checked to be an http(s) URL.
    pub hook: Option<String>,
    /// A name to find it by.
    pub tag: Option<String>,
    /// What is posted beside messages.
    #[serde(default)]
    pub events: Lifecycle,
    /// What its hooks are signed with, instead of the operator's secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

impl Channel {
    /// A new one, with keys of its own.
    pub fn new(settings: Settings, created_ms: u64) -> Self {
        Self { publisher: Key::random(), subscriber: Key::random(), created_ms, settings }
    }
}

/// Which moments of a channel's life are told to its hook, as a set of bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lifecycle(u8);

impl Lifecycle {
    /// A listener has come.
    pub const CONNECT: Self = Self(1);
    /// A listener has gone.
    pub const DISCONNECT: Self = Self(2);
    /// The last listener has gone.
    pub const EMPTY: Self = Self(4);

    /// In the words of the wire.
    const NAMES: [(&'static str, Self); 3] =
        [("connect", Self::CONNECT), ("disconnect", Self::DISCONNECT), ("empty", Self::EMPTY)];

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, event)| *event)
    }

    /// Whether all of `other` are among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and those.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Their names, in a fixed order.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(_, event)| self.contains(*event)).map(|(name, _)| *name).collect()
    }
}

/// A change of settings: what is `None` stays as it is.
///
/// The original's `edit` knows hook and tag only and sets both, to nothing where they were left out. What it does not
/// know it must not take away, or an old client's edit would turn signatures off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The new hook.
    pub hook: Option<String>,
    /// The new tag.
    pub tag: Option<String>,
    /// The new events.
    pub events: Option<Lifecycle>,
    /// The new secret; `Some(None)` takes it away.
    pub secret: Option<Option<Secret>>,
}

impl Edit {
    /// Changes `settings`.
    pub fn apply(self, settings: &mut Settings) {
        settings.hook = self.hook;
        settings.tag = self.tag;
        if let Some(events) = self.events {
            settings.events = events;
        }
        if let Some(secret) = self.secret {
            settings.secret = secret;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_names() {
        let both = Lifecycle::by_name("empty").expect("an event").with(Lifecycle::CONNECT);
        assert_eq!(both.names(), ["connect", "empty"]);
        assert!(both.contains(Lifecycle::EMPTY) && !both.contains(Lifecycle::DISCONNECT));
        assert_eq!(Lifecycle::by_name("message"), None);
    }

    #[test]
    fn an_old_edit_leaves_what_it_does_not_know() {
        let secret = Secret::random();
        let mut settings = Settings {
            hook: Some("http://a.example/".to_owned()),
            tag: Some("a".to_owned()),
            events: Lifecycle::EMPTY,
            secret: Some(secret.clone()),
        };
        Edit { hook: None, tag: Some("b".to_owned()), events: None, secret: None }.apply(&mut settings);
        let expected = Settings {
            hook: None,
            tag: Some("b".to_owned()),
            events: Lifecycle::EMPTY,
            secret: Some(secret),
        };
        assert_eq!(settings, expected);
    }
}
