//! What a socket's requests are answered with.

use ::http::HeaderValue;
use polysocket_protocol::jsonp::Callback;
use polysocket_protocol::{Word, json};
use polysocket_service::http::Answer;
use polysocket_session::Batch;

/// How the client wants its answer.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// A script that calls this; otherwise JSON.
    pub(crate) callback: Option<Callback>,
    /// The client knows numbers and codes.
    pub(crate) told: bool,
    /// The origin that may read it (CORS).
    pub(crate) origin: Option<HeaderValue>,
}

impl Manner {
    fn answer(self, status: u16, write: impl FnOnce(&mut Vec<u8>)) -> Answer {
        Answer::new(status, self.callback.as_ref(), self.origin, write)
    }

    /// The answer to a poll.
    pub(crate) fn batch(self, batch: &Batch, heartbeat: bool) -> Answer {
        let numbers = self.told.then_some((batch.seq, batch.ack));
        self.answer(200, |out| json::write_answer(out, numbers, batch.units.iter(), heartbeat))
    }

    /// The answer to a send that was accepted. A documented POST gets no body.
    pub(crate) fn accepted(self, ack: u64) -> Answer {
        if self.callback.is_none() && !self.told {
            return Answer::empty(201, self.origin);
        }
        let ack = self.told.then_some(ack);
        self.answer(201, |out| json::write_accepted(out, ack))
    }

    /// A refusal. A script of a client that knows codes gets 200, for it could not read anything else.
    pub(crate) fn refusal(self, word: Word, detail: Option<&str>) -> Answer {
        let told = self.told;
        let status = match (&self.callback, told) {
            (Some(_), true) => 200,
            // The document knows no 409: to its clients a socket that takes no more is not valid.
            (_, false) if word == Word::Closed => Word::Gone.status(),
            _ => word.status(),
        };
        self.answer(status, |out| json::write_refusal(out, word, detail, told))
    }
}
