//! Messages that no two sessions and no two round trips share, so that an echo
//! of the wrong one is found out.

use std::fmt::Write as _;

/// Plain letters: the same length in JSON, as most text is.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-";

pub struct Messages {
    session: usize,
    sequence: u64,
    bytes: usize,
    text: String,
}

impl Messages {
    /// `bytes` is the length of each.
    pub fn new(session: usize, bytes: usize) -> Self {
        Self { session, sequence: 0, bytes, text: String::with_capacity(bytes + PADDING.len()) }
    }

    pub fn next(&mut self) -> &str {
        self.sequence += 1;
        self.text.clear();
        write!(self.text, "{:06}.{:010}.", self.session, self.sequence).expect("a String takes every write");
        while self.text.len() < self.bytes {
            self.text.push_str(PADDING);
        }
        self.text.truncate(self.bytes);
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_asked_length_and_never_twice() {
        for bytes in [64, 64 << 10] {
            let mut messages = Messages::new(7, bytes);
            let first = messages.next().to_owned();
            assert_eq!(first.len(), bytes);
            assert_ne!(first, messages.next());
            assert_ne!(first, Messages::new(8, bytes).next());
        }
    }
}
