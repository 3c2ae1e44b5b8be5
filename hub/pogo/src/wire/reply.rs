//! What the server says, in the order of members in which the original's text has it.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Codec, Dialect, Failure, Field, Name, encode};

fn id_of(dialect: Dialect, id: Option<&RawValue>) -> Option<(Name, Field<'_>)> {
    let name = if dialect == Dialect::Later { Name::Id } else { Name::SeqId };
    id.map(|id| (name, Field::Json(id.get().as_bytes())))
}

pub(crate) fn path_of(dialect: Dialect, path: &str) -> (Name, Field<'_>) {
    (if dialect == Dialect::Later { Name::Uri } else { Name::Path }, Field::Text(path))
}

/// `{"seqId":1,"status":"ok","data":…}`.
pub(crate) fn ack(dialect: Dialect, id: Option<&RawValue>, data: Option<&[u8]>, codec: Codec) -> Bytes {
    let mut fields = Vec::with_capacity(3);
    fields.extend(id_of(dialect, id));
    fields.push((Name::Status, Field::Text("ok")));
    fields.extend(data.map(|data| (Name::Data, Field::Json(data))));
    encode(&fields, codec)
}

/// `{"seqId":1,"status":"error","code":"not_found","httpStatus":404,"message":"…"}` (P8).
pub(crate) fn error(dialect: Dialect, id: Option<&RawValue>, failure: &Failure, codec: Codec) -> Bytes {
    let mut fields = Vec::with_capacity(6);
    fields.extend(id_of(dialect, id));
    fields.push((Name::Status, Field::Text("error")));
    explain(&mut fields, failure);
    encode(&fields, codec)
}

fn explain<'a>(fields: &mut Vec<(Name, Field<'a>)>, failure: &'a Failure) {
    fields.push((Name::Code, Field::Text(failure.code.word())));
    fields.extend(failure.http.map(|status| (Name::HttpStatus, Field::Number(status.into()))));
    fields.push((Name::Message, Field::Text(&failure.message)));
    fields.extend(failure.data.as_deref().map(|data| (Name::Data, Field::Json(data))));
}

/// The frame of a verb in the seed's dialect; `status` only where it is not 200 (P4).
pub(crate) fn verb_frame(event: &str, path: &str, status: u16, data: &[u8], codec: Codec) -> Bytes {
    let mut fields = Vec::with_capacity(4);
    fields.push((Name::Event, Field::Text(event)));
    fields.push((Name::Path, Field::Text(path)));
    if status != 200 {
        fields.push((Name::Status, Field::Number(status.into())));
    }
    fields.push((Name::Data, Field::Json(data)));
    encode(&fields, codec)
}

/// A bound resource cannot be read now; its last value stays the last value.
pub(crate) fn fault(dialect: Dialect, path: &str, failure: &Failure, codec: Codec) -> Bytes {
    let mut fields = vec![(Name::Event, Field::Text("error")), path_of(dialect, path)];
    explain(&mut fields, failure);
    encode(&fields, codec)
}

/// It can be read again.
pub(crate) fn recovered(dialect: Dialect, path: &str, codec: Codec) -> Bytes {
    encode(&[(Name::Event, Field::Text("recovered")), path_of(dialect, path)], codec)
}

/// The session of a token has ended, and its binds (P11).
pub(crate) fn auth_expired(codec: Codec) -> Bytes {
    encode(&[(Name::Event, Field::Text("auth:expired"))], codec)
}

/// The `ttl` of a bind is over.
pub(crate) fn bind_expired(dialect: Dialect, path: &str, codec: Codec) -> Bytes {
    encode(&[(Name::Event, Field::Text("bind:expired")), path_of(dialect, path)], codec)
}

/// An event for a channel, as others in it get it (P12).
pub(crate) fn channel_message(event: &str, channel: &str, data: Option<&[u8]>, codec: Codec) -> Bytes {
    let mut fields = vec![(Name::Event, Field::Text(event)), (Name::Channel, Field::Text(channel))];
    fields.extend(data.map(|data| (Name::Data, Field::Json(data))));
    encode(&fields, codec)
}

/// Messages of a channel were lost.
pub(crate) fn channel_gap(channel: &str, codec: Codec) -> Bytes {
    encode(&[(Name::Event, Field::Text("channel:gap")), (Name::Channel, Field::Text(channel))], codec)
}
