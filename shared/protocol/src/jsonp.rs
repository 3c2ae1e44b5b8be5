//! Callbacks and script-safe text: the only way by which text from outside reaches a script response.
//!
//! What is guarded against, each once found in a system like this one: a callback that is a program; a body that
//! begins as a Flash file (hence `/**/`); `</script` and `<!--` in data; U+2028 and U+2029, which are line ends
//! in scripts older than ES2019; `&`, which old XML parsers expand.

use crate::limits::CALLBACK_BYTES_MAX;

/// The content type of a script.
pub const CONTENT_TYPE: &str = "application/javascript; charset=utf-8";

/// A checked callback name, of at most 64 bytes: names with dots between them,
/// `^[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback(Box<str>);

impl Callback {
    /// Checks a name from outside.
    pub fn parse(name: &str) -> Option<Self> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'$';
        let is_name = |part: &str| {
            part.bytes().next().is_some_and(|first| !first.is_ascii_digit()) && part.bytes().all(word)
        };
        (name.len() <= CALLBACK_BYTES_MAX && name.split('.').all(is_name)).then(|| Self(name.into()))
    }

    /// Appends the call up to its argument.
    fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"/**/");
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'(');
    }

    /// Appends what follows the argument.
    fn end(out: &mut Vec<u8>) {
        out.extend_from_slice(b");");
    }
}

/// Appends an answer: the argument of a call for a script, the bare value otherwise.
pub fn write_answer(out: &mut Vec<u8>, callback: Option<&Callback>, value: impl FnOnce(&mut Vec<u8>)) {
    match callback {
        Some(callback) => {
            callback.begin(out);
            value(out);
            Callback::end(out);
        }
        None => value(out),
    }
}

/// Appends `text` as a JSON string that is also a safe string literal in a script and in HTML.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    let mut at = 0;
    while at < bytes.len() {
        let (escape, len): (&[u8], usize) = match bytes[at] {
            b'"' => (b"\\\"", 1),
            b'\\' => (b"\\\\", 1),
            b'\n' => (b"\\n", 1),
            b'\r' => (b"\\r", 1),
            b'\t' => (b"\\t", 1),
            b'<' => (b"\\u003c", 1),
            b'>' => (b"\\u003e", 1),
            b'&' => (b"\\u0026", 1),
            0xe2 if bytes[at + 1] == 0x80 && bytes[at + 2] == 0xa8 => (b"\\u2028", 3),
            0xe2 if bytes[at + 1] == 0x80 && bytes[at + 2] == 0xa9 => (b"\\u2029", 3),
            low @ (0..=0x1f | 0x7f) => {
                out.extend_from_slice(&bytes[plain..at]);
                out.extend_from_slice(b"\\u00");
                out.push(b"0123456789abcdef"[usize::from(low >> 4)]);
                out.push(b"0123456789abcdef"[usize::from(low & 15)]);
                at += 1;
                plain = at;
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escape);
        at += len;
        plain = at;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks() {
        for name in ["go", "_", "$", "a.b.c", "ps$1_x", &"a".repeat(64)] {
            assert!(Callback::parse(name).is_some(), "{name}");
        }
        for name in
            ["", "1a", ".a", "a-b", "a b", "a(", "alert(1)//", "a;b", "a\n", "é", "a[0]", &"a".repeat(65)]
        {
            assert!(Callback::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn every_character_reads_back_and_is_safe() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let mut out = Vec::new();
        write_string(&mut out, &all);
        let read: String = serde_json::from_slice(&out).expect("JSON");
        assert!(read == all, "reads back");
        let text = String::from_utf8(out).expect("UTF-8");
        let inside = &text[1..text.len() - 1];
        assert!(!inside.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\n', '\r', '\0', '\u{7f}']));
    }
}
