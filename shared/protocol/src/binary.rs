//! Base64 as the protocol has it: standard with padding when written; either alphabet, padded or not, when read.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Appends `data` in base64.
pub fn write(out: &mut Vec<u8>, data: &[u8]) {
    let start = out.len();
    // 4 characters for every 3 bytes or part of them.
    out.resize(start + data.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(data, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

/// Reads base64 from a client. A `+` that a form parser turned into a space is taken for what it was.
pub fn read(text: &[u8]) -> Option<Vec<u8>> {
    if text.iter().any(|b| matches!(b, b'-' | b'_' | b' ')) {
        let text: Vec<u8> = text
            .iter()
            .map(|b| match b {
                b'-' | b' ' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        return LENIENT.decode(text).ok();
    }
    LENIENT.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_either_alphabet_with_and_without_padding() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("AA==", b"\0"),
            ("AA", b"\0"),
            ("+/8=", b"\xfb\xff"),
            ("-_8", b"\xfb\xff"),
            (" /8=", b"\xfb\xff"),
            ("AAEC", b"\0\x01\x02"),
        ] {
            assert_eq!(read(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
        for text in ["A", "A===", "AA=A", "é", "AA\n"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for len in 0..100u8 {
            let data: Vec<u8> = (0..len).collect();
            let mut out = b"x".to_vec();
            write(&mut out, &data);
            assert_eq!(out[0], b'x');
            assert_eq!(read(&out[1..]), Some(data));
        }
    }
}
