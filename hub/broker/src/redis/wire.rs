//! What comes in on the channel of a topic; `topic.lua` says what it looks like.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::Event;
use crate::{Epoch, Kind, Member, Position, PresenceChange, Publication, Topic};

/// None for what another release may have sent.
pub(super) fn read(topic: &Topic, message: &Bytes) -> Option<Event> {
    let (first, rest) = message.split_first()?;
    match first {
        b'm' => {
            let end = message.iter().position(|byte| *byte == b'\n')?;
            let mut words = str::from_utf8(&message[..end]).ok()?.split(' ').skip(1);
            let position = position(&mut words)?;
            let kind = kind(words.next()?)?;
            let payload = message.slice(end + 1..);
            Some(Event::Heard(Arc::new(Publication::new(topic.clone(), position, kind, payload))))
        }
        b'e' => Some(Event::Suspect),
        b'x' => {
            let mut words = str::from_utf8(message).ok()?.split(' ').skip(1);
            Some(Event::Removed(position(&mut words)?))
        }
        b'j' => Some(Event::Presence(PresenceChange::Joined(member(rest)?))),
        b'l' => Some(Event::Presence(PresenceChange::Left(member(rest)?))),
        _ => None,
    }
}

fn position<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Position> {
    Some(Position { epoch: Epoch::parse(words.next()?)?, offset: words.next()?.parse().ok()? })
}

/// The letter of a kind.
pub(super) fn letter(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "t",
        Kind::Binary => "b",
    }
}

pub(super) fn kind(letter: &str) -> Option<Kind> {
    match letter {
        "t" => Some(Kind::Text),
        "b" => Some(Kind::Binary),
        _ => None,
    }
}

/// ` length id` and the info.
fn member(rest: &[u8]) -> Option<Member> {
    let rest = str::from_utf8(rest).ok()?.strip_prefix(' ')?;
    let (length, rest) = rest.split_once(' ')?;
    let (id, info) = rest.split_at_checked(length.parse().ok()?)?;
    Some(Member { id: id.into(), info: info.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &'static [u8]) -> Option<Event> {
        read(&Topic::new("s", "t"), &Bytes::from_static(message))
    }

    #[test]
    fn reads_messages() {
        let Some(Event::Heard(publication)) = event(b"m e1 7 b\na\nb") else { panic!("a message") };
        assert_eq!((publication.epoch.as_str(), publication.offset), ("e1", 7));
        assert_eq!((publication.kind, &publication.payload[..]), (Kind::Binary, &b"a\nb"[..]));
        assert!(
            matches!(event(b"x e2 0"), Some(Event::Removed(p)) if p.epoch.as_str() == "e2" && p.offset == 0)
        );
        assert!(matches!(event(b"e"), Some(Event::Suspect)));
        let Some(Event::Presence(PresenceChange::Joined(member))) = event("j 4 a é{}".as_bytes()) else {
            panic!("a member")
        };
        assert_eq!((&*member.id, &*member.info), ("a é", "{}"));
    }

    #[test]
    fn ignores_what_it_does_not_know() {
        for message in [
            &b""[..],
            b"?",
            b"m",
            b"m e1 7 b",
            b"m e1 x t\n",
            b"m e/1 7 t\n",
            b"m e1 7 q\n",
            b"x e1",
            b"j 9 a",
            b"j a",
        ] {
            assert!(event(message).is_none(), "{message:?}");
        }
    }
}
