//! What clients are answered.

use axum::response::Response;
use http::{HeaderValue, header};
use polysocket_protocol::json;
use polysocket_protocol::jsonp::Callback;
use polysocket_service::http::{self as service, Answer};

use crate::refusal::Refusal;

/// How the client wants its answer.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// A script that calls this; otherwise JSON.
    pub(crate) callback: Option<Callback>,
    /// The client knows codes.
    pub(crate) v1: bool,
    /// The origin that may read it (CORS).
    pub(crate) reader: Option<HeaderValue>,
}

impl Manner {
    /// What was asked for.
    pub(crate) fn ok(self, write: impl FnOnce(&mut Vec<u8>)) -> Answer {
        Answer::new(200, self.callback.as_ref(), self.reader, write)
    }

    /// A refusal. A script gets 200, for it could not read anything else.
    pub(crate) fn refusal(self, refusal: &Refusal) -> Answer {
        let script = self.callback.is_some();
        let status = if script { 200 } else { refusal.word.status() };
        let answer = self.refused(status, refusal);
        match refusal.retry_after.filter(|_| !script) {
            // Not one of those that a page of another origin may read unless it is exposed.
            Some(seconds) => answer
                .with(header::RETRY_AFTER, seconds)
                .with(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after")),
            None => answer,
        }
    }

    /// The method is not for this path.
    pub(crate) fn wrong_method(self, refusal: &Refusal, allow: &'static str) -> Answer {
        self.refused(405, refusal).with(header::ALLOW, HeaderValue::from_static(allow))
    }

    fn refused(self, status: u16, refusal: &Refusal) -> Answer {
        let Self { callback, v1, reader } = self;
        Answer::new(status, callback.as_ref(), reader, |out| {
            json::write_refusal(out, refusal.word, refusal.detail.as_deref(), v1);
        })
    }
}

/// For axum.
pub(crate) fn respond(answer: Answer) -> Response {
    answer.into_response().map(axum::body::Body::new)
}

/// The answer to a preflight.
pub(crate) fn preflight(methods: &'static str, reader: Option<HeaderValue>) -> Response {
    service::preflight(methods, "content-type", reader).map(axum::body::Body::new)
}
