//! Names of keys and channels.
//!
//! All of a topic share a hash tag (`{space|name}`), so that they lie in one slot of a Redis Cluster; so does the sharded
//! channel. Names of keys are in `topic.lua`.

use std::fmt::Write;

use crate::Topic;

/// Makes names.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

/// The names of one topic.
pub(super) struct TopicKeys {
    base: String,
}

impl Keys {
    pub fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}hub:") }
    }

    pub fn topic(&self, topic: &Topic) -> TopicKeys {
        let mut base = format!("{}{{", self.prefix);
        plain(topic.space(), &mut base);
        base.push('|');
        plain(topic.name(), &mut base);
        base.push('}');
        TopicKeys { base }
    }

    pub fn known(&self, topic: &Topic) -> String {
        let mut key = format!("{}{{", self.prefix);
        plain(topic.space(), &mut key);
        key.push_str("}:known");
        key
    }
}

impl TopicKeys {
    /// The channel of the topic.
    pub fn channel(&self) -> String {
        format!("{}:channel", self.base)
    }

    pub fn keys<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        names.map(|name| format!("{}:{name}", self.base))
    }
}

/// Text from outside inside a hash tag: braces would end it, and `|` parts space and name. Percent-encoded, one to one.
fn plain(text: &str, out: &mut String) {
    // An empty tag is none.
    if text.is_empty() {
        out.push('%');
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.:@/+=~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_topics_never_meet() {
        let keys = Keys::new("p:");
        let texts = ["", "a", "%", "|", "a|", "}", "{x}", "ключ", "100%", "a b\n"];
        let mut seen = std::collections::HashSet::new();
        for space in texts {
            for name in texts {
                let channel = keys.topic(&Topic::new(space, name)).channel();
                let (_, tag) = channel.split_once('{').expect("an opening brace");
                let (tag, rest) = tag.split_once('}').expect("a closing brace");
                assert!(rest == ":channel" && !tag.is_empty() && !tag.contains('{'), "{channel}");
                assert!(seen.insert(channel));
            }
        }
    }
}
