//! Spellings of a path: percent-encodings (RFC 3986, section 2.1) and parameters of segments. Pure.

/// Its one spelling (RFC 3986, section 6.2.2): what needs no encoding has none, and digits of others are upper case.
pub(super) fn normal(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(byte) = encoded(rest.as_bytes()) else {
            out.push('%');
            rest = &rest[1..];
            continue;
        };
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&rest[..3].to_ascii_uppercase());
        }
        rest = &rest[3..];
    }
    out + rest
}

/// What a server might make of it, for comparison only: nothing encoded, and segments without their `;parameters`.
pub(super) fn comparable(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        if let Some(byte) = encoded(rest) {
            bytes.push(byte);
            rest = &rest[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    let path = String::from_utf8_lossy(&bytes);
    let segments: Vec<_> = path.split('/').map(|part| part.split(';').next().unwrap_or_default()).collect();
    segments.join("/")
}

/// The byte that `%XX` at the beginning stands for.
fn encoded(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (path, is) in [
            ("/%61dmin", "/admin"),
            ("/%7e%2d%5F%2e", "/~-_."),
            ("/%c3%a4/ä", "/%C3%A4/ä"),
            ("/%2561", "/%2561"),
            ("/%zz%4", "/%zz%4"),
            ("/%é1", "/%é1"),
        ] {
            assert_eq!(normal(path), is, "{path}");
        }
    }

    #[test]
    fn what_is_compared() {
        for (path, is) in [
            ("/a;x=1/b;y", "/a/b"),
            ("/a%3Bx", "/a"),
            ("/;/admin", "//admin"),
            ("/%C3%A4", "/ä"),
            ("/%2561", "/%61"),
            ("/%ff%4", "/\u{fffd}%4"),
        ] {
            assert_eq!(comparable(path), is, "{path}");
        }
    }
}
