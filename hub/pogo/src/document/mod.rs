//! Documents: what an upstream says a resource is, when two of them are the same, and what differs. Pure.

mod canonical;
mod diff;

use std::fmt;

use aws_lc_rs::digest;
use bytes::{Buf, Bytes};
use serde_json::Value;

pub(crate) use diff::{json_patch, merge_patch};

/// What tells two states of a resource apart: 128 bits of the SHA-256 of the canonical JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Version([u8; 16]);

impl Version {
    /// Of a resource that is not there.
    pub(crate) const GONE: Self = Self([0; 16]);

    /// Reads one that a client gave back; `None` for anything else, which is no state of anything.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits)?;
        Some(Self(number.to_be_bytes()))
    }

    fn of(bytes: &[u8]) -> Self {
        let mut version = [0; 16];
        version.copy_from_slice(&digest::digest(&digest::SHA256, bytes).as_ref()[..16]);
        Self(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// JSON text that has been checked: at most 128 levels deep, numbers within what a double can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    raw: Bytes,
    version: Version,
}

impl Document {
    /// `null`: of an answer without a body.
    pub(crate) fn null() -> Self {
        Self { raw: Bytes::from_static(b"null"), version: Version::of(b"null") }
    }

    /// Reads JSON; `None` when it is none.
    pub(crate) fn parse(body: Bytes) -> Option<Self> {
        let mut raw = body;
        raw.truncate(raw.trim_ascii_end().len());
        raw.advance(raw.len() - raw.trim_ascii_start().len());
        // Not kept: what is passed on is the text, in which numbers are still what they were.
        serde_json::from_slice::<Value>(&raw).ok()?;
        let version = Version::of(&canonical::of(&raw)?);
        Some(Self { raw, version })
    }

    /// As the upstream wrote it.
    pub(crate) fn raw(&self) -> &Bytes {
        &self.raw
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Parsed; `None` where something would be lost by it (numbers of more digits than a double has), so that a
    /// patch between parsed documents would not be true.
    pub(crate) fn exact(&self) -> Option<Value> {
        let value: Value = serde_json::from_slice(&self.raw).ok()?;
        let again = serde_json::to_vec(&value).ok()?;
        (Version::of(&canonical::of(&again)?) == self.version).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Document::parse(text.to_owned().into()).unwrap_or_else(|| panic!("{text}")).version()
    }

    #[test]
    fn the_same_in_other_words() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [ true , null ],\n \"a\" : 1 }\n"),
            (r#""ü/""#, r#""\u00fc\/""#),
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0.5", "-5E-1"),
            (r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"y":2,"x":1}}"#),
        ] {
            assert_eq!(version(one), version(other), "{one} {other}");
        }
        for (one, other) in [
            ("1", "2"),
            ("[1,2]", "[2,1]"),
            ("1", "\"1\""),
            ("{}", "[]"),
            ("null", "false"),
            (r#"{"a":1}"#, r#"{"a":null}"#),
            ("12345678901234567890123", "12345678901234567890124"),
            ("9007199254740993", "9007199254740992"),
            (r#"{"a":"b"}"#, r#"{"ab":""}"#),
        ] {
            assert_ne!(version(one), version(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_json() {
        for text in ["", "<html>", "{", "1 2", "\"\\ud800\"", "1e999", "NaN"] {
            assert_eq!(Document::parse(text.to_owned().into()), None, "{text}");
        }
        assert_eq!(Document::parse("[".repeat(200).into()), None);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(Document::parse(deep.into()), None);
    }

    #[test]
    fn digits_that_a_double_has_not_make_no_patches() {
        let document = |text: &str| Document::parse(text.to_owned().into()).expect(text);
        assert!(document(r#"{"n":1.5,"m":18446744073709551615}"#).exact().is_some());
        assert!(document(r#"{"n":12345678901234567890123}"#).exact().is_none());
    }
}
