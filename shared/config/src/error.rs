//! What is wrong with a configuration, said so that it can be mended.

use std::fmt;

/// One wrong key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full name of the key, as in `relayd.listen`, or of a place in its value, as in
    /// `auth.tokens[0].targets`. Empty when no key is concerned, as with a file that cannot be read.
    pub key: String,
    /// Where the value came from: `polysocket.toml:12`, `$POLYSOCKET_RELAYD_LISTEN`,
    /// `--set relayd.listen` or `default`. Empty when the problem concerns no single value.
    pub source: String,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Problem {
    /// A problem found after loading, with the value of `key` (its full name). [`load`](crate::load) fills in
    /// where the value came from.
    pub fn new(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), source: String::new(), text: text.into() }
    }

    /// The same with its source.
    pub(crate) fn at(key: impl Into<String>, source: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), source: source.into(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), self.source.as_str()) {
            ("", "") => {}
            (name, "") | ("", name) => write!(f, "{name}: ")?,
            (key, source) => write!(f, "{key} ({source}): ")?,
        }
        f.write_str(&self.text)
    }
}

/// All that is wrong with a configuration; displayed one problem a line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);
