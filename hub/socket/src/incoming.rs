//! Messages of a peer.

use std::ops::Deref;

use bytes::Bytes;

/// A whole message, its fragments joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Text, which has been checked.
    Text(Utf8),
    /// Bytes.
    Binary(Bytes),
}

/// Text of a peer. Turned into bytes without being copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utf8(String);

impl Deref for Utf8 {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Utf8 {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Utf8> for String {
    fn from(text: Utf8) -> Self {
        text.0
    }
}

impl From<Utf8> for Bytes {
    fn from(text: Utf8) -> Self {
        text.0.into_bytes().into()
    }
}
