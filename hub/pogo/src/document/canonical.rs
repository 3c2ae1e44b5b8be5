//! Canonical JSON, after RFC 8785: members in order of their names, no white space, one spelling for each text and
//! number. Integers of any length stay exact, which the RFC leaves to doubles.

use std::borrow::Cow;
use std::io::Write;

/// Integers up to this are the same as doubles and as text.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// As deep as serde_json reads.
const DEPTH_MAX: usize = 128;

/// The canonical text of JSON that has been checked; `None` where it is none after all.
pub(super) fn of(json: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor { rest: json };
    let mut out = Vec::with_capacity(json.len());
    cursor.value(&mut out, DEPTH_MAX)?;
    cursor.skip_space();
    cursor.rest.is_empty().then_some(out)
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.rest.first().copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.rest = &self.rest[1..])
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(out, depth.checked_sub(1)?),
            b'[' => self.array(out, depth.checked_sub(1)?),
            b'"' => serde_json::to_writer(out, &self.text()?).ok(),
            _ => {
                let length = self.rest.iter().position(|byte| b",]} \t\r\n".contains(byte));
                let (scalar, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
                self.rest = rest;
                write_scalar(out, std::str::from_utf8(scalar).ok()?)
            }
        }
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.skip_space();
        let mut escaped = false;
        let end = self.rest.iter().skip(1).position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })? + 2;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let plain = &text[1..text.len() - 1];
        if plain.contains(&b'\\') {
            serde_json::from_slice::<String>(text).ok().map(Cow::Owned)
        } else {
            std::str::from_utf8(plain).ok().map(Cow::Borrowed)
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.take(b'[')?;
        out.push(b'[');
        let mut first = true;
        while self.peek()? != b']' {
            if !first {
                self.take(b',')?;
                out.push(b',');
            }
            first = false;
            self.value(out, depth)?;
        }
        self.take(b']')?;
        out.push(b']');
        Some(())
    }

    fn object(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.take(b'{')?;
        let mut members: Vec<(Cow<'a, str>, Vec<u8>)> = Vec::new();
        while self.peek()? != b'}' {
            if !members.is_empty() {
                self.take(b',')?;
            }
            let name = self.text()?;
            self.take(b':')?;
            let mut value = Vec::new();
            self.value(&mut value, depth)?;
            members.push((name, value));
        }
        self.take(b'}')?;
        // Stable: of members with one name the order is part of what is said.
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        out.push(b'{');
        for (index, (name, value)) in members.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            serde_json::to_writer(&mut *out, name).ok()?;
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.push(b'}');
        Some(())
    }
}

fn write_scalar(out: &mut Vec<u8>, scalar: &str) -> Option<()> {
    if matches!(scalar, "true" | "false" | "null") {
        out.extend_from_slice(scalar.as_bytes());
        return Some(());
    }
    let number: f64 = scalar.parse().ok()?;
    if scalar.contains(['.', 'e', 'E']) {
        if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
            // Without the sign of a zero.
            write!(out, "{:.0}", number + 0.0).ok()
        } else {
            write!(out, "{number:e}").ok()
        }
    } else {
        out.extend_from_slice(if scalar == "-0" { b"0" } else { scalar.as_bytes() });
        Some(())
    }
}
