//! Whether a connection with many streams has answered lately.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame, SizeHint};

use super::Body;

/// The answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    open: AtomicUsize,
    lately: AtomicBool,
    ever: AtomicBool,
}

impl Answering {
    /// A request came; until what is returned has gone, it is being answered.
    pub(crate) fn begin(self: &Arc<Self>) -> Answer {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.ever.store(true, Ordering::Relaxed);
        Answer(self.clone())
    }

    /// Whether there has been any request.
    pub(crate) fn has_begun(&self) -> bool {
        self.ever.load(Ordering::Relaxed)
    }

    /// Whether there was an answer, or still is one, since this was asked the last time.
    pub(crate) fn since_last_asked(&self) -> bool {
        self.lately.swap(false, Ordering::Relaxed) || self.open.load(Ordering::Relaxed) > 0
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer(Arc<Answering>);

impl Answer {
    /// Lasts until this body has been sent, or its stream has been reset.
    pub(crate) fn until_end_of(self, body: Body) -> AnswerBody {
        AnswerBody { body, _answer: self }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.lately.store(true, Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that knows whose answer it is.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    _answer: Answer,
}

impl HttpBody for AnswerBody {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_lasts_as_long_as_its_body() {
        let answering = Arc::new(Answering::default());
        assert!(!answering.since_last_asked());
        let body = answering.begin().until_end_of(Body::empty());
        assert!(answering.since_last_asked() && answering.since_last_asked());
        drop(body);
        assert!(answering.since_last_asked(), "just now");
        assert!(!answering.since_last_asked());
    }
}
