//! Names of keys and channels.
//!
//! What one script touches shares a hash tag (`{…}`), so that it lies in one slot of a Redis Cluster.
//!
//! | name | is |
//! | --- | --- |
//! | `P{nodes}:leases`, `P{nodes}:boots`, `P{nodes}:expiries` | leases of nodes |
//! | `P{holder}:sockets`, `P{holder}:creates` | what a token has |
//! | `P{nonce}:claim` | the claim on a nonce |
//! | `P{node}:BOOT:asks` | channel: what is asked of an incarnation of a node |
//! | `P{process}:replies` | channel: answers to a process that asks |
//!
//! The channels are classic ones (`PUBLISH`). On a Redis Cluster their messages go to every node, and the count of
//! receivers, by which an ask knows that nobody listens, is that of one node only: there they become sharded ones,
//! `SPUBLISH` in [`Connection::publish`](super::connection::Connection::publish) and `SSUBSCRIBE` in
//! [`Keeper`](super::keeper::Keeper). Their names have hash tags for that.

use std::fmt::Write;

/// Makes names.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    pub fn leases(&self) -> String {
        format!("{}{{nodes}}:leases", self.prefix)
    }
    pub fn boots(&self) -> String {
        format!("{}{{nodes}}:boots", self.prefix)
    }
    pub fn expiries(&self) -> String {
        format!("{}{{nodes}}:expiries", self.prefix)
    }

    pub fn sockets(&self, holder: &str) -> String {
        format!("{}{{{}}}:sockets", self.prefix, plain(holder))
    }
    pub fn creates(&self, holder: &str) -> String {
        format!("{}{{{}}}:creates", self.prefix, plain(holder))
    }

    pub fn claim(&self, nonce: &str) -> String {
        format!("{}{{{}}}:claim", self.prefix, plain(nonce))
    }

    pub fn asks(&self, node: &str, boot: u64) -> String {
        format!("{}{{{node}}}:{boot}:asks", self.prefix)
    }
    pub fn replies(&self, process: u128) -> String {
        format!("{}{{{process:032x}}}:replies", self.prefix)
    }
    /// Whether a channel may be one of ours that takes answers.
    pub fn is_replies(&self, channel: &str) -> bool {
        channel.strip_prefix(&self.prefix).is_some_and(|rest| rest.ends_with("}:replies"))
    }
}

/// Text from outside inside a hash tag: braces would end it, and control characters are no help to who reads a key.
/// Percent-encoded, one to one.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:@/+=~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash tag as Redis Cluster finds it: between the first `{` and the first `}` after it.
    fn tag(key: &str) -> &str {
        let (_, rest) = key.split_once('{').expect("an opening brace");
        rest.split_once('}').expect("a closing brace").0
    }

    #[test]
    fn what_a_script_touches_is_in_one_slot() {
        let keys = Keys::new("polysocket:");
        for holder in ["acme", "}", "{x}", "a}b", "ключ", "100%", "a b\n"] {
            assert_eq!(tag(&keys.sockets(holder)), tag(&keys.creates(holder)));
            assert!(!tag(&keys.sockets(holder)).is_empty(), "an empty tag is none");
        }
        assert_eq!(tag(&keys.leases()), tag(&keys.boots()));
        assert_eq!(tag(&keys.leases()), tag(&keys.expiries()));
        assert_ne!(keys.sockets("a%7D"), keys.sockets("a}"));
    }

    #[test]
    fn answers_go_to_reply_channels_only() {
        let keys = Keys::new("p:");
        assert!(keys.is_replies(&keys.replies(7)));
        assert!(!keys.is_replies(&keys.asks("relay1", 7)));
        assert!(!keys.is_replies(&Keys::new("q:").replies(7)));
    }
}
