//! Limits that are no configuration; those that are, are in [`BrokerConfig`](crate::BrokerConfig).

use crate::{BrokerError, Member, Topic};

/// Space and name of a topic together, bytes.
pub const TOPIC_BYTES_MAX: usize = 1024;
/// Id of a member, bytes.
pub const MEMBER_ID_BYTES_MAX: usize = 128;
/// What others are told of a member, bytes.
pub const MEMBER_INFO_BYTES_MAX: usize = 4096;

fn length(what: &'static str, bytes: usize, max: usize) -> Result<(), BrokerError> {
    if bytes > max { Err(BrokerError::TooLong { what, bytes, max }) } else { Ok(()) }
}

pub(crate) fn check_topic(topic: &Topic) -> Result<(), BrokerError> {
    length("the name of a channel", topic.space().len() + topic.name().len(), TOPIC_BYTES_MAX)
}

pub(crate) fn check_payload(bytes: usize, max: usize) -> Result<(), BrokerError> {
    length("a message", bytes, max)
}

pub(crate) fn check_member(member: &Member) -> Result<(), BrokerError> {
    if member.id.is_empty() {
        return Err(BrokerError::Invalid("a member needs an id".to_owned()));
    }
    length("the id of a member", member.id.len(), MEMBER_ID_BYTES_MAX)?;
    length("the information about a member", member.info.len(), MEMBER_INFO_BYTES_MAX)
}
