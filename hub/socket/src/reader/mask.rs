//! Masking (RFC 6455, section 5.3).

/// Masks or unmasks `bytes`, which begin at byte `offset` of their frame's payload.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let turned: [u8; 4] = std::array::from_fn(|i| mask[(offset + i) % 4]);
    // Eight at a time; the compiler makes wider ones of these.
    let mut eights = bytes.chunks_exact_mut(8);
    let [a, b, c, d] = turned;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    for eight in eights.by_ref() {
        if let Ok(array) = <&mut [u8; 8]>::try_from(eight) {
            *array = (u64::from_ne_bytes(*array) ^ wide).to_ne_bytes();
        }
    }
    for (byte, key) in eights.into_remainder().iter_mut().zip(turned.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_and_length_is_as_the_definition_says() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for offset in 0..9 {
            for length in 0..40_u8 {
                let mut bytes: Vec<u8> = (0..length).collect();
                let by_definition: Vec<u8> =
                    bytes.iter().enumerate().map(|(i, byte)| byte ^ mask[(offset + i) % 4]).collect();
                apply(&mut bytes, mask, offset);
                assert_eq!(bytes, by_definition, "{length} bytes at {offset}");
            }
        }
    }
}
