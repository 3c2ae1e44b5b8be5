//! The frames that subscribers get: a broadcast as it was written, alone or numbered.

use bytes::Bytes;
use polysocket_broker::Publication;
use polysocket_socket::text_frame;

use super::reply::Object;

/// The variant of a publication's frame that is the broadcast, verbatim.
pub(crate) const COPY: usize = 0;
/// The variant that has its `offset` as well.
pub(crate) const NUMBERED: usize = 1;

/// [`COPY`].
pub(crate) fn plain(publication: &Publication) -> Bytes {
    text_frame(&publication.payload)
}

/// [`NUMBERED`]: with one more key, the last, so that it holds over one of the same name that the sender wrote.
pub(crate) fn numbered(publication: &Publication) -> Bytes {
    let payload = &publication.payload;
    // A broadcast has an event and a channel, so it ends in a brace that has something before it.
    let Some(open) = payload.strip_suffix(b"}") else { return plain(publication) };
    let mut out = Vec::with_capacity(payload.len() + 32);
    out.extend_from_slice(open);
    out.extend_from_slice(b",\"offset\":");
    out.extend_from_slice(publication.offset.to_string().as_bytes());
    out.push(b'}');
    text_frame(&out)
}

/// What a client gets that is written to directly. `data` is JSON.
pub(crate) fn direct_payload(event: &str, data: Option<&str>, from: &str) -> Vec<u8> {
    let mut out = Object::new();
    out.text("event", event);
    if let Some(data) = data {
        out.json("data", data);
    }
    out.text("from", from);
    out.end()
}

/// A broadcast that no client sent. `data` is JSON.
pub(crate) fn broadcast_payload(event: &str, channel: &str, data: Option<&str>) -> Vec<u8> {
    let mut out = Object::new();
    out.text("event", event);
    out.text("channel", channel);
    if let Some(data) = data {
        out.json("data", data);
    }
    out.end()
}

/// How a member is shown to others. `data` is JSON.
pub(crate) fn member(id: &str, user: &str, data: Option<&str>) -> String {
    let mut out = Object::new();
    out.text("id", id);
    out.text("user", user);
    if let Some(data) = data {
        out.json("data", data);
    }
    // All of it was text.
    String::from_utf8(out.end()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use polysocket_broker::{Epoch, Kind, Position, Topic};

    use super::*;

    fn publication(payload: &'static str) -> Publication {
        let position = Position { epoch: Epoch::parse("e").expect("an epoch"), offset: 12 };
        Publication::new(Topic::new("s", "c"), position, Kind::Text, Bytes::from_static(payload.as_bytes()))
    }

    #[test]
    fn numbers_come_last() {
        let written = r#"{ "event":"e","channel":"c" }"#;
        assert_eq!(plain(&publication(written))[2..], *written.as_bytes());
        let numbered = numbered(&publication(written));
        assert_eq!(numbered[2..], *br#"{ "event":"e","channel":"c" ,"offset":12}"#);
    }

    #[test]
    fn what_no_client_wrote() {
        assert_eq!(broadcast_payload("e", "c", Some("1")), br#"{"event":"e","channel":"c","data":1}"#);
        assert_eq!(broadcast_payload("e", "c", None), br#"{"event":"e","channel":"c"}"#);
        assert_eq!(member("i", "u\"", Some("{}")), r#"{"id":"i","user":"u\"","data":{}}"#);
    }

    #[test]
    fn direct_messages() {
        assert_eq!(direct_payload("e", Some("[1]"), "t"), br#"{"event":"e","data":[1],"from":"t"}"#);
        assert_eq!(direct_payload("", None, "t"), br#"{"event":"","from":"t"}"#);
    }
}
