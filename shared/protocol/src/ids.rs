//! Socket ids: `{node}.{base64url(key, boot, mac)}`.
//!
//! The key is random (128 bits) and is what makes an id a secret. Node and boot say where the session lives, so
//! that any node can forward without asking anybody. The MAC lets any node refuse what was never issued; the
//! address of the node comes from the directory, never from the id.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest node name, bytes.
pub const NODE_BYTES_MAX: usize = 32;
const MAC_BYTES: usize = 8;
const SECRET_BYTES: usize = 16 + 8 + MAC_BYTES;
/// 32 bytes in base64 without padding.
const SECRET_CHARS: usize = 43;

/// A short MAC: 64 bits are enough where a guess must be sent to us and only saves a look-up.
pub type Mac = [u8; MAC_BYTES];

/// The id of a socket, as in the path of every request. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SocketId {
    node: Box<str>,
    boot: u64,
    key: u128,
    mac: Mac,
}

/// Not a socket id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a socket id")]
pub struct NotASocketId;

/// Whether `name` may name a node: 1–32 of `a-z 0-9 -`.
pub fn is_node_name(name: &str) -> bool {
    (1..=NODE_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl SocketId {
    /// An id for a new socket; `sign` makes the MAC of the bytes it is given.
    pub fn issue(node: &str, boot: u64, key: u128, sign: impl FnOnce(&[u8]) -> Mac) -> Self {
        debug_assert!(is_node_name(node));
        let mut id = Self { node: node.into(), boot, key, mac: [0; MAC_BYTES] };
        id.mac = sign(&id.signed());
        id
    }

    /// Reads an id; says nothing on whether it was ever issued.
    pub fn parse(text: &str) -> Result<Self, NotASocketId> {
        let (node, secret) = text.split_once('.').ok_or(NotASocketId)?;
        if !is_node_name(node) || secret.len() != SECRET_CHARS {
            return Err(NotASocketId);
        }
        let mut bytes = [0u8; SECRET_BYTES];
        let read = URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes).map_err(|_| NotASocketId)?;
        if read != SECRET_BYTES {
            return Err(NotASocketId);
        }
        let (key, rest) = bytes.split_first_chunk().ok_or(NotASocketId)?;
        let (boot, rest) = rest.split_first_chunk().ok_or(NotASocketId)?;
        let mac = rest.try_into().map_err(|_| NotASocketId)?;
        Ok(Self { node: node.into(), boot: u64::from_be_bytes(*boot), key: u128::from_be_bytes(*key), mac })
    }

    /// The key alone, for the look-up on the node's own table; skips what only a stranger's id needs.
    pub fn key_of(text: &str) -> Option<u128> {
        let (_, secret) = text.split_once('.')?;
        if secret.len() != SECRET_CHARS {
            return None;
        }
        let mut bytes = [0u8; SECRET_BYTES];
        URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes).ok()?;
        bytes.first_chunk().map(|key| u128::from_be_bytes(*key))
    }

    /// What the MAC is over.
    pub fn signed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.node.len() + 25);
        bytes.extend_from_slice(self.node.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&self.boot.to_be_bytes());
        bytes.extend_from_slice(&self.key.to_be_bytes());
        bytes
    }

    /// The node that holds the session.
    pub fn node(&self) -> &str {
        &self.node
    }
    /// The incarnation of that node.
    pub fn boot(&self) -> u64 {
        self.boot
    }
    /// The secret.
    pub fn key(&self) -> u128 {
        self.key
    }
    /// The MAC it came with.
    pub fn mac(&self) -> &Mac {
        &self.mac
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0u8; SECRET_BYTES];
        bytes[..16].copy_from_slice(&self.key.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.boot.to_be_bytes());
        bytes[24..].copy_from_slice(&self.mac);
        write!(f, "{}.{}", self.node, URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({}, …)", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(bytes: &[u8]) -> Mac {
        [bytes.iter().fold(0u8, |a, b| a.wrapping_add(*b)); MAC_BYTES]
    }

    #[test]
    fn written_and_read_back() {
        let id = SocketId::issue("tom-1", 77, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, sign);
        let read = SocketId::parse(&id.to_string()).expect("our own id");
        assert!(read == id && *read.mac() == sign(&read.signed()));
        assert_eq!(SocketId::key_of(&id.to_string()), Some(id.key()));
    }

    #[test]
    fn debug_hides_the_secret() {
        let id = SocketId::issue("tom", 1, 42, sign);
        assert_eq!(format!("{id:?}"), "SocketId(tom, …)");
    }

    #[test]
    fn refuses_what_is_none() {
        let good = SocketId::issue("tom", 1, 42, sign).to_string();
        for text in
            ["", ".", "tom", "tom.", "Tom.x", &good[1..], &format!("{good}A"), &good.replace("tom", "t/m")]
        {
            let parsed = SocketId::parse(text);
            assert!(parsed.is_err() || parsed.is_ok_and(|id| *id.mac() != sign(&id.signed())), "{text}");
        }
    }
}
