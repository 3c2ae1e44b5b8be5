//! Answers that are given again for a repeated `post` with `idempotent` (P10).

use std::collections::VecDeque;

use aws_lc_rs::digest;
use bytes::Bytes;

use crate::wire::Code;
use crate::wire::Failure;

/// Bytes of all answers that are kept for one connection.
const REPLAY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one; a longer one is not kept. A quarter of all, so that it does not drive out all others.
const ANSWER_BYTES_MAX: usize = REPLAY_BYTES_MAX / 4;

/// The last answers of a connection.
#[derive(Default)]
pub(super) struct Replays {
    answers: VecDeque<Replay>,
    bytes: usize,
}

struct Replay {
    id: String,
    path: String,
    /// SHA-256 of what was sent.
    body: [u8; 32],
    frames: Vec<Bytes>,
}

impl Replay {
    fn bytes(&self) -> usize {
        self.id.len() + self.path.len() + self.frames.iter().map(Bytes::len).sum::<usize>()
    }
}

fn hash(body: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, body).as_ref());
    hash
}

impl Replays {
    /// What was answered to this very request. The id of another request is an error: one of them would be lost.
    pub(super) fn find(&self, id: &str, path: &str, body: &[u8]) -> Result<Option<Vec<Bytes>>, Failure> {
        match self.answers.iter().find(|replay| replay.id == id) {
            None => Ok(None),
            Some(replay) if replay.path == path && replay.body == hash(body) => {
                Ok(Some(replay.frames.clone()))
            }
            Some(_) => Err(Failure::new(
                Code::Conflict,
                "this id was given to another idempotent request on this connection",
            )),
        }
    }

    /// Keeps an answer, and at most `max`.
    pub(super) fn keep(&mut self, id: String, path: String, body: &[u8], frames: Vec<Bytes>, max: usize) {
        let replay = Replay { id, path, body: hash(body), frames };
        if replay.bytes() > ANSWER_BYTES_MAX {
            return;
        }
        self.bytes += replay.bytes();
        self.answers.push_back(replay);
        while self.answers.len() > max || self.bytes > REPLAY_BYTES_MAX {
            let Some(oldest) = self.answers.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let mut replays = Replays::default();
        let frame = Bytes::from(vec![b'x'; 30 * 1024]);
        for id in 0..100 {
            replays.keep(id.to_string(), "/a".into(), b"{}", vec![frame.clone()], 32);
            assert!(replays.bytes <= REPLAY_BYTES_MAX);
        }
        assert_eq!(replays.answers.len(), 8, "of 30 KiB each");
        assert!(replays.find("99", "/a", b"{}").expect("no conflict").is_some());
        assert!(replays.find("0", "/a", b"{}").expect("no conflict").is_none(), "too long ago");
        assert!(replays.find("99", "/a", b"[]").is_err());
        let long = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX + 1]);
        replays.keep("long".into(), "/a".into(), b"", vec![long], 32);
        assert!(replays.find("long", "/a", b"").expect("no conflict").is_none());
        for id in 0..100 {
            replays.keep(format!("short {id}"), "/a".into(), b"", Vec::new(), 32);
        }
        assert_eq!(replays.answers.len(), 32);
    }
}
