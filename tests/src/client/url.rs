//! Percent-encoding of query values and form bodies (RFC 3986 section 2, HTML form-urlencoded).

use std::fmt::{self, Display, Write};

/// Bytes that a value may hold as they are: the unreserved set of RFC 3986.
fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Encodes a value for a query or a form.
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if unreserved(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// How long one character gets when it is encoded.
pub fn encoded_len(character: char) -> usize {
    let mut buffer = [0; 4];
    character.encode_utf8(&mut buffer).bytes().map(|byte| if unreserved(byte) { 1 } else { 3 }).sum()
}

/// The parameters of a query or a form, in the order in which they are added.
#[derive(Clone, Debug, Default)]
pub struct Query(String);

impl Query {
    /// Adds a parameter, with its value encoded.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&encode(&value.to_string()));
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn and_if(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.and(name, value),
            None => self,
        }
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decodes `%XX` and `+`; what is malformed stays as it is, as browsers and servers leave it.
pub fn decode(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digits = [ahead.next(), ahead.next()].map(|d| d.and_then(|d| char::from(d).to_digit(16)));
                if let [Some(high), Some(low)] = digits {
                    out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                    rest = ahead;
                } else {
                    out.push(byte);
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of a parameter in a query such as `a=1&b=2`, decoded.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| decode(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_its_length_was_foretold() {
        let value = "a b+c&d=é\u{1F600}\u{2028}%25\0";
        assert_eq!(decode(&encode(value)), value);
        assert_eq!(encode(value).len(), value.chars().map(encoded_len).sum::<usize>());
    }

    #[test]
    fn parameters_are_found_and_broken_escapes_stay() {
        assert_eq!(parameter("a=1&b=x%20y&c", "b").as_deref(), Some("x y"));
        assert_eq!(parameter("a=1&c", "c").as_deref(), Some(""));
        assert_eq!(parameter("a=1", "b"), None);
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}
