//! Names of an envelope's members, and the single characters for them.

/// A member of an envelope. What is inside of `data` belongs to others and is never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    SeqId,
    Id,
    Event,
    Path,
    Uri,
    Channel,
    Status,
    Data,
    Code,
    HttpStatus,
    Message,
    Idempotent,
    Seq,
    Version,
    Base,
    Merge,
    Patch,
}

/// Long, short.
const NAMES: [(Name, &str, &str); 17] = [
    (Name::SeqId, "seqId", "s"),
    (Name::Id, "id", "i"),
    (Name::Event, "event", "e"),
    (Name::Path, "path", "p"),
    (Name::Uri, "uri", "u"),
    (Name::Channel, "channel", "n"),
    (Name::Status, "status", "t"),
    (Name::Data, "data", "d"),
    (Name::Code, "code", "c"),
    (Name::HttpStatus, "httpStatus", "h"),
    (Name::Message, "message", "m"),
    (Name::Idempotent, "idempotent", "k"),
    (Name::Seq, "seq", "q"),
    (Name::Version, "version", "v"),
    (Name::Base, "base", "b"),
    (Name::Merge, "merge", "g"),
    (Name::Patch, "patch", "a"),
];

impl Name {
    pub(crate) fn text(self, short: bool) -> &'static str {
        let (_, long, letter) = NAMES[self as usize];
        if short { letter } else { long }
    }

    /// The long name for a single character.
    pub(crate) fn lengthen(letter: &str) -> Option<&'static str> {
        NAMES.iter().find(|(_, _, short)| *short == letter).map(|(_, long, _)| *long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_its_place_and_its_letter_is_its_own() {
        for (index, (name, long, letter)) in NAMES.into_iter().enumerate() {
            assert_eq!((name as usize, name.text(false), name.text(true)), (index, long, letter));
            assert_eq!(Name::lengthen(letter), Some(long));
        }
    }
}
