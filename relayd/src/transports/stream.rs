//! `/x`: a stream of frames, as a body that asks the session whenever the connection has room.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{HeaderValue, Response, header};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use hyper::body::Bytes;
use polysocket_protocol::frame::{Frame, write_unit};
use polysocket_protocol::limits::STREAM_BYTES_DEFAULT;
use polysocket_service::http::{Body, allow_origin};
use polysocket_session::{Batch, Style, Take};

use super::{STREAM_CHUNK_BYTES, attach_stream};
use crate::answer::Manner;
use crate::query::Params;
use crate::sessions::{Cell, Receiver};

/// Some engines show nothing of a response before so many bytes of it.
const PRELUDE_BYTES: usize = 2048;
/// Bounds of what a client may ask one stream to carry.
const BUDGET_BYTES_MIN: usize = 1024;
const BUDGET_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How units look in a stream.
pub(super) trait Format: Send + Unpin + 'static {
    /// The content type of the response.
    const CONTENT_TYPE: &'static str;
    /// The first bytes: the number of the unit that comes next.
    fn start(&mut self, out: &mut Vec<u8>, batch: &Batch, pad: usize);
    /// Units, and what was accepted from the page.
    fn batch(&mut self, out: &mut Vec<u8>, batch: &Batch);
    /// Nothing to say.
    fn heartbeat(&mut self, out: &mut Vec<u8>, ack: u64);
    /// It was not truncated.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Answers with a stream of frames.
pub(crate) fn serve(cell: &Arc<Cell>, params: &Params, manner: Manner) -> Response<Body> {
    respond(cell, params, params.ack, manner, Frames::default())
}

pub(super) fn respond<F: Format>(
    cell: &Arc<Cell>,
    params: &Params,
    ack: Option<u64>,
    manner: Manner,
    format: F,
) -> Response<Body> {
    let manner = Manner { callback: None, told: true, ..manner };
    let receiver = match cell.attach(&attach_stream(params, Style::Stream, ack)) {
        Ok(Some(receiver)) => receiver,
        Ok(None) => return manner.refusal(polysocket_protocol::Word::Gone, None).into_response(),
        Err(word) => return manner.refusal(word, None).into_response(),
    };
    let budget = params.budget.unwrap_or(STREAM_BYTES_DEFAULT).clamp(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX);
    let first = cell.with(|session, _| session.nothing());
    let pad = if params.pad { PRELUDE_BYTES } else { 0 };
    let mut response = Response::new(Body::stream(UnitStream {
        receiver: Some(receiver),
        format,
        budget,
        first: Some((first, pad)),
    }));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, F::CONTENT_TYPE),
        // `no-transform` and the header for nginx keep what sits between from holding the stream back.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    allow_origin(headers, manner.origin);
    response
}

/// The body: the receiver, until its budget is spent or it is over.
struct UnitStream<F> {
    receiver: Option<Receiver>,
    format: F,
    budget: usize,
    /// What the first bytes say.
    first: Option<(Batch, usize)>,
}

impl<F: Format> HttpBody for UnitStream<F> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let Some(receiver) = &this.receiver else { return Poll::Ready(None) };
        let mut out = Vec::new();
        if let Some((batch, pad)) = this.first.take() {
            this.format.start(&mut out, &batch, pad);
        } else {
            match std::task::ready!(receiver.poll_take(cx, STREAM_CHUNK_BYTES.min(this.budget))) {
                Take::Units(batch) => {
                    this.format.batch(&mut out, &batch);
                    this.budget = this.budget.saturating_sub(out.len());
                    if this.budget == 0 {
                        this.format.end(&mut out);
                        this.receiver = None;
                    }
                }
                Take::Heartbeat(batch) => this.format.heartbeat(&mut out, batch.ack),
                Take::Over(_) | Take::Gone | Take::Pending => {
                    this.format.end(&mut out);
                    this.receiver = None;
                }
            }
        }
        Poll::Ready(Some(Ok(BodyFrame::data(out.into()))))
    }
}

/// The binary frames of `docs/PROTOCOL.md` §7.
#[derive(Default)]
pub(super) struct Frames {
    told_ack: u64,
    /// The number the reader gives to the next unit.
    next: u64,
}

impl Frames {
    /// Says the number of the next unit when it is not the one the reader expects: units may be acked by other
    /// requests, and are then passed over.
    fn number(&mut self, out: &mut Vec<u8>, batch: &Batch) {
        if batch.seq != self.next {
            Frame::Start(batch.seq).write(out);
        }
        self.next = batch.seq + batch.units.len() as u64;
    }

    fn ack(&mut self, out: &mut Vec<u8>, ack: u64) {
        if ack > self.told_ack {
            self.told_ack = ack;
            Frame::Ack(ack).write(out);
        }
    }
}

impl Format for Frames {
    const CONTENT_TYPE: &'static str = "application/octet-stream";

    fn start(&mut self, out: &mut Vec<u8>, batch: &Batch, pad: usize) {
        while out.len() < pad {
            Frame::Heartbeat.write(out);
        }
        self.number(out, batch);
        self.ack(out, batch.ack);
    }

    fn batch(&mut self, out: &mut Vec<u8>, batch: &Batch) {
        self.number(out, batch);
        self.ack(out, batch.ack);
        batch.units.iter().for_each(|unit| write_unit(out, unit));
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>, ack: u64) {
        self.ack(out, ack);
        Frame::Heartbeat.write(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        Frame::End.write(out);
    }
}
