//! The two keys of a channel.
//!
//! The original made them of the clock: whoever knew the second in which a channel was made knew both. Here each is
//! 128 bits of the system's randomness, and neither says anything of the other.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a key was not: 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 lower-case hexadecimal digits")]
pub struct NotAKey;

/// A key: whoever has it, may. 32 lower-case hexadecimal digits on the wire, as in the original.
///
/// `{:?}` shows the first two bytes only, which is enough to tell channels apart in a log and too little to use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 16]);

impl Key {
    /// A new one. Panics when the system has no randomness: a process without it must not make keys at all.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        Self(bytes)
    }

    /// Reads what a path or a store holds.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text: &[u8; 32] = text.as_bytes().try_into().map_err(|_| NotAKey)?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn digit(character: u8) -> Result<u8, NotAKey> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(NotAKey),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn written_and_read_back() {
        let text = "00ff0123456789abcdef00112233445a";
        assert_eq!(Key::parse(text).unwrap().to_string(), text);
        let key = Key::random();
        assert_eq!(Key::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn refuses_what_is_no_key() {
        let long = "0".repeat(33);
        for text in ["", "prepare", &long, &long[..31], &"A".repeat(32), &"g".repeat(32), &"é".repeat(16)] {
            assert_eq!(Key::parse(text), Err(NotAKey), "{text}");
        }
    }

    #[test]
    fn a_log_does_not_give_it_away() {
        let key = Key::parse("abcd0123456789abcdef00112233445a").unwrap();
        assert_eq!(format!("{key:?}"), "Key(abcd…)");
    }
}
