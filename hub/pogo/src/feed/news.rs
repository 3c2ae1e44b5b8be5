//! What a feed knows, and what it has to tell.

use std::sync::Arc;

use super::member::Member;
use super::update::Update;
use crate::wire::Failure;

/// What is known of a resource.
pub(super) enum Known {
    /// It has not been read yet.
    Nothing,
    /// What it is, or was when it could last be read.
    State(Arc<Update>, Option<Failure>),
    /// It could not be read so far.
    Failure(Failure),
}

/// News for members, to be spread without the feed's lock.
pub(super) struct News {
    pub(super) members: Vec<Arc<Member>>,
    pub(super) what: What,
}

/// What there is to tell.
pub(super) enum What {
    Nothing,
    State(Arc<Update>),
    /// The same as before, for those who were shown something else as the answer to their own write.
    Again(Arc<Update>),
    Recovered(Option<Arc<Update>>),
    Failed(Failure),
}
