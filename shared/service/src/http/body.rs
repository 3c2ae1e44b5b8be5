//! Bodies of answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

/// Bytes that are there, or a stream. Nearly all answers are the former, and so cost no allocation of their own.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Full(Option<Bytes>),
    /// Anything else.
    Stream(axum::body::Body),
}

impl Body {
    /// Bytes that are there.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }

    /// No bytes.
    pub fn empty() -> Self {
        Self::Full(None)
    }

    /// A stream that cannot fail: it ends, or the connection does.
    pub fn stream(body: impl HttpBody<Data = Bytes, Error = Infallible> + Send + 'static) -> Self {
        Self::Stream(axum::body::Body::new(body))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// Why a request's body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// Over the limit: 413.
    TooLarge,
    /// It did not come in time: 408.
    Slow,
    /// The connection broke, or it was no HTTP.
    Broken,
}

/// Reads a request's body of at most `max` bytes.
pub async fn read(body: Incoming, max: usize, within: std::time::Duration) -> Result<Bytes, ReadError> {
    use hyper::body::Body as _;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > max as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut limited = Limited::new(body, max);
    // A body that came with its head is one frame and needs no timer.
    let first = std::future::poll_fn(|cx| match Pin::new(&mut limited).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(Some(frame)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    let first = match first {
        Some(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        Some(Some(Err(error))) => return Err(judge(&*error)),
        Some(None) => return Ok(Bytes::new()),
        None => Bytes::new(),
    };
    if limited.is_end_stream() && !first.is_empty() {
        return Ok(first);
    }
    match tokio::time::timeout(within, limited.collect()).await {
        Err(_) => Err(ReadError::Slow),
        Ok(Err(error)) => Err(judge(&*error)),
        Ok(Ok(rest)) if first.is_empty() => Ok(rest.to_bytes()),
        Ok(Ok(rest)) => Ok([first, rest.to_bytes()].concat().into()),
    }
}

fn judge(error: &(dyn std::error::Error + Send + Sync + 'static)) -> ReadError {
    if error.is::<LengthLimitError>() { ReadError::TooLarge } else { ReadError::Broken }
}
