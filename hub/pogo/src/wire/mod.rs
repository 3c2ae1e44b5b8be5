//! What goes over the wire: envelopes, both ways, in both dialects and all encodings. Pure.

mod code;
mod codec;
mod names;
mod reply;
mod request;

pub(crate) use code::{Code, Failure};
pub(crate) use codec::{Codec, Field, encode, json};
pub(crate) use names::Name;
pub(crate) use reply::{
    ack, auth_expired, bind_expired, channel_gap, channel_message, error, fault, recovered, verb_frame,
};
pub(crate) use request::{Action, BindOptions, Dialect, PatchKind, Request, read};
