//! Answers that are given again for a repeated `post` with `idempotent` (P10).

use std::collections::VecDeque;

use bytes::Bytes;

use crate::wire::Code;
use crate::wire::Failure;

/// The last answers of a connection.
#[derive(Default)]
pub(super) struct Replays(VecDeque<Replay>);

struct Replay {
    id: String,
    path: String,
    body: Bytes,
    frames: Vec<Bytes>,
}

impl Replays {
    /// What was answered to this very request. The id of another request is an error: one of them would be lost.
    pub(super) fn find(&self, id: &str, path: &str, body: &Bytes) -> Result<Option<Vec<Bytes>>, Failure> {
        match self.0.iter().find(|replay| replay.id == id) {
            None => Ok(None),
            Some(replay) if replay.path == path && replay.body == *body => Ok(Some(replay.frames.clone())),
            Some(_) => Err(Failure::new(
                Code::Conflict,
                "this id was given to another idempotent request on this connection",
            )),
        }
    }

    pub(super) fn keep(&mut self, id: String, path: String, body: Bytes, frames: Vec<Bytes>, max: usize) {
        self.0.push_back(Replay { id, path, body, frames });
        while self.0.len() > max {
            self.0.pop_front();
        }
    }
}
