//! `/e`: server-sent events (WHATWG, "Server-sent events"). The event id is the number of the unit, so that the
//! browser's own `Last-Event-ID` is the ack.

use std::io::Write;
use std::sync::Arc;

use ::http::{HeaderMap, Response};
use polysocket_protocol::json;
use polysocket_service::http::Body;
use polysocket_session::Batch;

use super::stream::{Format, respond};
use crate::answer::Manner;
use crate::query::Params;
use crate::sessions::Cell;

/// How long the browser waits before it comes again, ms: a stream that ends is nothing unusual.
const RETRY_MS: u32 = 500;

/// Answers with a stream of events.
pub(crate) fn serve(
    cell: &Arc<Cell>,
    params: &Params,
    headers: &HeaderMap,
    manner: Manner,
) -> Response<Body> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    // A browser that comes again repeats the URL, with the `ack` of its first time.
    let ack = [params.ack, params.last, last].into_iter().flatten().max();
    respond(cell, params, ack, manner, Events)
}

struct Events;

impl Format for Events {
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn start(&mut self, out: &mut Vec<u8>, _: &Batch, pad: usize) {
        let _ = writeln!(out, "retry: {RETRY_MS}");
        // A comment, which no client shows.
        let _ = writeln!(out, ":{}\n", " ".repeat(pad));
    }

    fn batch(&mut self, out: &mut Vec<u8>, batch: &Batch) {
        for (number, unit) in (batch.seq..).zip(&batch.units) {
            let _ = write!(out, "id: {number}\ndata: ");
            // One line: JSON escapes what would end it.
            json::write_message(out, unit);
            out.extend_from_slice(b"\n\n");
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>, _: u64) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(json::HEARTBEAT);
        out.extend_from_slice(b"\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: {\"type\":\"end\"}\n\n");
    }
}
