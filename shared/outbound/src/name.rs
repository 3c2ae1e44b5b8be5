//! Host names: one spelling, and which of them are special.

/// Bytes of a name without its trailing dot (RFC 1035 section 2.3.4: 255 on the wire).
const NAME_BYTES_MAX: usize = 253;
/// Bytes of a label (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Whether a lower-case ASCII name, without a trailing dot, may be looked up: labels of 1 to 63 bytes, and
/// no number as the last one, since some resolvers read such names as IPv4 addresses (`127.1`, `0x7f.1`).
pub(crate) fn is_valid(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.split('.').all(|label| (1..=LABEL_BYTES_MAX).contains(&label.len()))
        && !ends_in_number(name)
}

/// The name without the dot that says it is complete. All names here are taken as complete.
pub(crate) fn without_trailing_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The machine itself, by RFC 6761 section 6.3. Such names never go to a name server.
pub(crate) fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// As in the URL standard, section "ends in a number".
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => last.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_looked_up() {
        let long_label = "a".repeat(63);
        let long_name = format!("{long_label}.{long_label}.{long_label}.{}", "a".repeat(61));
        for name in
            ["a", "example.com", "_x.example.com", "1.example", "0x.example", "xn--r8jz45g.jp", &long_name]
        {
            assert!(is_valid(name), "{name}");
        }
    }

    #[test]
    fn names_that_may_not() {
        let long_label = "a".repeat(64);
        let long_name = ["abcdefg"; 32].join(".");
        assert_eq!(long_name.len(), 255);
        for name in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "127.1",
            "foo.1",
            "foo.0x7f",
            "foo.0x",
            "017",
            &long_label,
            &long_name,
        ] {
            assert!(!is_valid(name), "{name}");
        }
    }

    #[test]
    fn localhost_and_what_is_below() {
        for name in ["localhost", "a.localhost", "a.b.localhost"] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhosts", "xlocalhost", "localhost.example", "localhost.localdomain"] {
            assert!(!is_localhost(name), "{name}");
        }
    }
}
