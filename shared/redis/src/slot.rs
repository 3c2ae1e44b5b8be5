//! Slots of Redis Cluster: CRC16 (XMODEM) of the hash tag, modulo 16384.
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>

use crate::target::Address;

/// How many there are.
pub(crate) const SLOTS: usize = 16_384;

/// Slots from the first to the last, of one primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub first: usize,
    pub last: usize,
    pub primary: Address,
}

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "i is below 256")]
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

/// The slot of a key or a sharded channel.
pub(crate) fn slot(key: &[u8]) -> usize {
    let tag = tag(key).unwrap_or(key);
    let crc =
        tag.iter().fold(0_u16, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) ^ u16::from(*byte))]);
    usize::from(crc) % SLOTS
}

/// What is between the first `{` and the next `}`, if anything is.
fn tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let rest = &key[open + 1..];
    let close = rest.iter().position(|byte| *byte == b'}')?;
    (close > 0).then(|| &rest[..close])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is the test vector of the specification (CRC 0x31C3); the others are what `CLUSTER KEYSLOT` says.
    #[test]
    fn as_redis_does() {
        assert_eq!(slot(b"123456789"), 0x31c3 % SLOTS);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"{foo}.bar"), 12_182);
        assert_eq!(slot(b"x{foo}{bar}"), 12_182);
        assert_ne!(slot(b"{}foo"), 12_182);
        assert_eq!(slot(b""), 0);
    }
}
