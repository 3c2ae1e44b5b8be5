//! Messages that say who published them, and as which.

use std::fmt;

/// Who publishes: a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(pub char);

/// One message of a source, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbered {
    pub source: Source,
    pub number: u64,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.source.0, self.number)
    }
}

impl Numbered {
    /// What its text says; none for a text of somebody else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        let source = Source(characters.next().filter(char::is_ascii_lowercase)?);
        Some(Self { source, number: characters.as_str().parse().ok()? })
    }
}

#[test]
fn it_says_what_it_is() {
    let message = Numbered { source: Source('b'), number: 17 };
    assert_eq!(Numbered::parse(&message.to_string()), Some(message));
    for other in ["", "17", "b", "bx", "é1"] {
        assert_eq!(Numbered::parse(other), None);
    }
}
