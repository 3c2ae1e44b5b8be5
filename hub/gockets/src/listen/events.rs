//! Listening by server-sent events (WHATWG HTML, "Server-sent events"). The id of an event is its position, so that
//! a browser that was cut off comes back with `Last-Event-ID` and is given what it missed.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use polysocket_broker::{
    Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Subscription, Topic,
};
use polysocket_service::metrics::{IntCounter, IntGauge};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::AS_EVENT;
use super::outbox::Outbox;
use super::visit::Visit;
use crate::answer::Refusal;
use crate::channel::Channel;
use crate::gockets::Gockets;

/// What a stream says when there is nothing to say: a comment.
const PING: &[u8] = b":\n\n";
/// Events that one chunk of the answer may hold.
const EVENTS_AT_ONCE: usize = 64;

pub(crate) async fn serve(
    gockets: &Gockets,
    channel: Channel,
    since: Option<Position>,
) -> Result<Response, Refusal> {
    let permit = gockets.0.streams.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Refusal::Unavailable("gockets.streams_max is reached".to_owned()))?;
    if gockets.0.life.is_draining() {
        return Err(Refusal::Unavailable("the process is stopping".to_owned()));
    }
    let outbox = Arc::new(Outbox::new(gockets.0.config.stream_queue_bytes_max.as_usize()));
    let listener = Arc::new(Listener { outbox: outbox.clone(), gaps: gockets.0.metrics.gaps.clone() });
    let topic = gockets.0.topic(&channel.subscriber);
    let options = SubscribeOptions { since, member: None };
    let subscription = gockets.0.broker.subscribe(&topic, listener, options).await?;
    let visit = Visit::begin(gockets.clone(), Arc::new(channel), None).await;
    gockets.0.metrics.streams.inc();
    let streaming = Streaming {
        outbox,
        gockets: gockets.clone(),
        stay: Some((subscription, visit)),
        open: gockets.0.metrics.streams.clone(),
        _permit: permit,
    };
    let chunks = stream::unfold(streaming, |mut streaming| async move {
        let chunk = streaming.next().await?;
        Some((Ok::<Bytes, Infallible>(chunk), streaming))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would keep events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// An answer that goes on; dropped when its client goes.
struct Streaming {
    outbox: Arc<Outbox<Bytes>>,
    gockets: Gockets,
    stay: Option<(Subscription, Visit)>,
    open: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Streaming {
    /// What is to be written next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let every = self.gockets.0.config.stream_ping_every.as_duration();
        let some = tokio::select! {
            some = timeout(every, self.outbox.some()) => some,
            // Its client comes back by itself, to another node, and recovers what it missed.
            () = self.gockets.0.life.draining() => Ok(false),
        };
        match some {
            Ok(true) => Some(self.outbox.take(EVENTS_AT_ONCE).concat().into()),
            Ok(false) => None,
            Err(_) => Some(Bytes::from_static(PING)),
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.open.dec();
        let Some((subscription, visit)) = self.stay.take() else { return };
        drop(subscription);
        self.gockets.0.life.spawn(visit.end(None));
    }
}

/// The stream as the broker sees it.
struct Listener {
    outbox: Arc<Outbox<Bytes>>,
    gaps: IntCounter,
}

impl Listener {
    fn add(&self, event: Bytes) {
        self.outbox.add(event.len(), event);
    }
}

impl Subscriber for Listener {
    fn subscribed(&self, _topic: &Topic, at: &Subscribed) {
        let recovered = match at.recovered {
            None => "null",
            Some(true) => "true",
            Some(false) => "false",
        };
        // What is recovered has ids of its own, which come after this; so this has none then.
        let id = if at.recovered == Some(true) { String::new() } else { format!("id: {}\n", at.position) };
        self.add(format!("event: subscribed\n{id}data: {{\"recovered\":{recovered}}}\n\n").into());
    }

    fn deliver(&self, publication: &Arc<Publication>) {
        self.add(publication.frame(AS_EVENT, encode).clone());
    }

    fn gap(&self, _topic: &Topic, from: &Position) {
        self.gaps.inc();
        self.add(format!("event: gap\nid: {from}\ndata: {{\"after\":\"{from}\"}}\n\n").into());
        // What lost messages may have lost the channel: the client comes back to this place, or learns by 404.
        self.outbox.end();
    }

    fn removed(&self, _topic: &Topic) {
        // The client asks again, and learns by 404 that it need not any more.
        self.add(Bytes::from_static(b"event: closed\ndata: channel closed\n\n"));
        self.outbox.end();
    }
}

/// A message as an event. Every end of a line begins a field of its own; the browser joins them with `\n`.
fn encode(publication: &Publication) -> Bytes {
    let mut out = format!("id: {}\n", publication.position()).into_bytes();
    let text = std::str::from_utf8(&publication.payload);
    if let (Kind::Text, Ok(text)) = (publication.kind, text) {
        for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    } else {
        out.extend_from_slice(b"event: binary\ndata: ");
        out.extend_from_slice(STANDARD.encode(&publication.payload).as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_broker::Epoch;

    fn encoded(kind: Kind, payload: &'static [u8]) -> String {
        let position = Position { epoch: Epoch::parse("e1").expect("an epoch"), offset: 7 };
        let publication = Publication::new(Topic::new("s", "t"), position, kind, Bytes::from_static(payload));
        String::from_utf8(encode(&publication).to_vec()).expect("text")
    }

    #[test]
    fn lines_and_bytes() {
        assert_eq!(encoded(Kind::Text, b"{\"a\":1}"), "id: e1:7\ndata: {\"a\":1}\n\n");
        assert_eq!(encoded(Kind::Text, b""), "id: e1:7\ndata: \n\n");
        assert_eq!(
            encoded(Kind::Text, b"a\nb\r\nc\rid: x\n"),
            "id: e1:7\ndata: a\ndata: b\ndata: c\ndata: id: x\ndata: \n\n"
        );
        assert_eq!(encoded(Kind::Binary, b"\x00\xff"), "id: e1:7\nevent: binary\ndata: AP8=\n\n");
    }
}
