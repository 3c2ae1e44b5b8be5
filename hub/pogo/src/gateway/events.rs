//! A bind as server-sent events (WHATWG HTML). The id of an event is the version of the state, so that a browser that
//! comes back with it is told only what has changed.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::answer::{answer, with};
use super::asked::{identity, path_of};
use crate::document::Version;
use crate::feed::{Member, Out, Slot, Style};
use crate::pogo::Pogo;
use crate::wire::{Code, Failure};

/// What a stream says when there is nothing to say: a comment.
const PING: &[u8] = b":\n\n";

pub(super) async fn serve(
    pogo: &Pogo,
    request: Request,
    address: Option<IpAddr>,
) -> Result<Response, Failure> {
    let session = identity(pogo, request.headers(), address).await?;
    let resource = pogo.0.base.resource(path_of(&request))?;
    let permit = pogo.0.streams.clone().try_acquire_owned();
    let permit = permit
        .map_err(|_| Failure::new(Code::Unavailable, "there are too many event streams; try again later"))?;
    if pogo.0.life.is_draining() {
        return Err(Failure::new(Code::Unavailable, "this server is going away; try again"));
    }
    let known = request.headers().get("last-event-id").and_then(|id| Version::parse(id.to_str().ok()?));
    let until = session.as_ref().map(|session| Instant::now() + session.ends_in());
    let credential = session.map(|session| session.credential);
    let slot = Arc::new(Slot::default());
    let feeds = &pogo.0.feeds;
    let member =
        Member::new(feeds.new_id(), Style::Event, Out::Events(slot.clone()), credential, known, false);
    let member = Arc::new(member);
    feeds.attach(&resource, &member)?;
    // Detaches, whatever becomes of the request.
    let streaming = Streaming { pogo: pogo.clone(), member, slot, until, _permit: permit };
    pogo.0.metrics.streams.inc();
    feeds.settled(&streaming.member, None, true, None).await?;
    let chunks = stream::unfold(streaming, |streaming| async move {
        let chunk = streaming.next().await?;
        Some((Ok::<Bytes, Infallible>(chunk), streaming))
    });
    // Who comes back with what is current is told nothing, and some browsers say `open` with the first byte only.
    let begun = stream::once(std::future::ready(Ok(Bytes::from_static(PING))));
    let mut response = answer(200, Bytes::new());
    *response.body_mut() = Body::from_stream(begun.chain(chunks));
    let response = with(response, header::CONTENT_TYPE, "text/event-stream");
    // nginx would keep events back until its buffer is full.
    Ok(with(response, http::HeaderName::from_static("x-accel-buffering"), "no"))
}

/// An answer that goes on; dropped when its client goes.
struct Streaming {
    pogo: Pogo,
    member: Arc<Member>,
    slot: Arc<Slot>,
    /// The end of the token's time.
    until: Option<Instant>,
    _permit: OwnedSemaphorePermit,
}

impl Streaming {
    /// What is to be written next; none at the end.
    async fn next(&self) -> Option<Bytes> {
        let every = self.pogo.0.config.stream_ping_every.as_duration();
        let left = self.until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return None;
        }
        tokio::select! {
            chunk = timeout(every.min(left), self.slot.next()) => Some(chunk.unwrap_or(Bytes::from_static(PING))),
            // Its client comes back by itself, to another node, and says what it has.
            () = self.pogo.0.life.draining() => None,
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.pogo.0.feeds.detach(&self.member);
        self.pogo.0.metrics.streams.dec();
    }
}
