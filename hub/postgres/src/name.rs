//! Names of channels: what PostgreSQL takes, and how it is quoted.

/// A channel's name has at most so many bytes (`NAMEDATALEN` - 1). `pg_notify` refuses a longer one, but LISTEN cuts
/// it off, which would join channels that are not the same.
pub const NAME_BYTES_MAX: usize = 63;

/// Whether it can be the name of a channel.
pub fn is_valid(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains('\0')
}

/// As an identifier in SQL, in exact case: `"a ""b"""`.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a name is one that a pattern means: `*` is any number of characters, all others are themselves.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_bytes() {
        assert!(is_valid("a") && is_valid(&"x".repeat(63)) && is_valid(&"ü".repeat(31)));
        assert!(
            !is_valid("") && !is_valid(&"x".repeat(64)) && !is_valid(&"ü".repeat(32)) && !is_valid("a\0")
        );
    }

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(quoted("Chat"), "\"Chat\"");
        assert_eq!(quoted("a\"; drop table x; --"), "\"a\"\"; drop table x; --\"");
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("chat", "chat", true),
            ("chat", "chats", false),
            ("room:*", "room:5", true),
            ("room:*", "room:", true),
            ("room:*", "Room:5", false),
            ("room:*", "xroom:5", false),
            ("*", "anything", true),
            ("*:in", "a:in", true),
            ("*:in", "a:into", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a**a", "aa", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
