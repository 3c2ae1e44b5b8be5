//! Units: what is numbered and acked.

use bytes::Bytes;

use crate::limits::UNIT_BYTES_MAX;

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or a fragment of one, cut between characters.
    Text,
    /// Bytes, or a fragment of them.
    Binary,
    /// The upstream is open. Down only; the first unit of a session created with `v=1`.
    Open,
    /// The end; the last unit of its direction.
    Close,
}

/// One message, or one fragment of a message, or the opening or the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What it is.
    pub kind: Kind,
    /// More fragments of the same message follow.
    pub more: bool,
    /// The payload: UTF-8, bytes, or the payload of an `open` or `close` frame.
    pub data: Bytes,
}

impl Unit {
    /// A whole message.
    pub fn whole(kind: Kind, data: Bytes) -> Self {
        Self { kind, more: false, data }
    }

    /// Cuts a message into units of at most `UNIT_BYTES_MAX`, without copying. Text (valid UTF-8) is cut
    /// between characters.
    pub fn cut(kind: Kind, mut data: Bytes) -> impl Iterator<Item = Self> {
        let mut left = true;
        std::iter::from_fn(move || {
            if !left {
                return None;
            }
            left = data.len() > UNIT_BYTES_MAX;
            let at = if left { cut_at(kind, &data) } else { data.len() };
            Some(Self { kind, more: left, data: data.split_to(at) })
        })
    }
}

/// Where the first fragment ends. A character has at most 4 bytes, so at most 3 steps back find its start.
fn cut_at(kind: Kind, data: &[u8]) -> usize {
    let mut at = UNIT_BYTES_MAX;
    if kind == Kind::Text {
        while at > UNIT_BYTES_MAX - 3 && data[at] & 0xc0 == 0x80 {
            at -= 1;
        }
    }
    at
}

/// A fingerprint of a unit, to tell a repeat from other bytes under the same number. Not a MAC: a client can
/// only deceive itself.
pub fn fingerprint(unit: &Unit) -> u64 {
    let seed = (unit.kind as u64) << 1 | u64::from(unit.more);
    xxhash_rust::xxh3::xxh3_64_with_seed(&unit.data, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_and_joins() {
        for len in [0, 1, UNIT_BYTES_MAX - 1, UNIT_BYTES_MAX, UNIT_BYTES_MAX + 1, 5 * UNIT_BYTES_MAX + 7] {
            let text: String = "aé☃𝄞".chars().cycle().take(len).collect();
            let data = Bytes::from(text.clone());
            let units: Vec<_> = Unit::cut(Kind::Text, data.clone()).collect();
            assert!(
                units.iter().all(|u| u.data.len() <= UNIT_BYTES_MAX && std::str::from_utf8(&u.data).is_ok())
            );
            assert!(units.iter().rev().skip(1).all(|u| u.more) && !units[units.len() - 1].more);
            let joined: Vec<u8> = units.iter().flat_map(|u| u.data.to_vec()).collect();
            assert_eq!(joined, text.as_bytes());
            let count = Unit::cut(Kind::Binary, data).count();
            assert_eq!(count, text.len().div_ceil(UNIT_BYTES_MAX).max(1));
        }
    }

    #[test]
    fn fingerprints_tell_apart() {
        let unit = Unit::whole(Kind::Text, Bytes::from_static(b"x"));
        assert_ne!(fingerprint(&unit), fingerprint(&Unit { more: true, ..unit.clone() }));
        assert_ne!(fingerprint(&unit), fingerprint(&Unit { kind: Kind::Binary, ..unit.clone() }));
        assert_ne!(fingerprint(&unit), fingerprint(&Unit { data: Bytes::from_static(b"y"), ..unit }));
    }
}
