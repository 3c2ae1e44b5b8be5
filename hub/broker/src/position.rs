//! Where one is in a topic.

use std::fmt;
use std::sync::Arc;

/// Names one history of a topic. Offsets of two epochs cannot be compared.
///
/// It changes when history was lost, and also when Redis was restarted or failed over: then the new epoch knows its
/// ancestors, and a position of an ancestor is still good up to the offset both have in common. So an epoch is to be
/// given back as it came, and never compared by anybody but the broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

/// Longest epoch, bytes.
const EPOCH_BYTES_MAX: usize = 32;

impl Epoch {
    /// Reads one that a client gave back: 1 to 32 letters and digits. None for anything else, which no broker made.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && (1..=EPOCH_BYTES_MAX).contains(&text.len())).then(|| Self(text.into()))
    }

    /// A new one, unlike all others: 16 characters.
    pub(crate) fn random() -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut random = [0; 16];
        // Without randomness no TLS and no token would have worked before this; an epoch is no secret.
        if getrandom::fill(&mut random).is_err() {
            let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            random = clock.as_nanos().to_ne_bytes();
        }
        Self(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>().into())
    }

    /// As it is given to clients.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in a topic: after the message with this offset. Offset 0 is before the first message of the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// In which history.
    pub epoch: Epoch,
    /// After which message of it.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}
