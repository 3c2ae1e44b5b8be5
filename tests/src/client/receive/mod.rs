//! Receivers: one task for each that was asked for, replaced at any unit.

mod poll;
mod socket;
mod sse;
mod stream;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::answer;
use super::http::{Request, Streaming};
use super::settings::{Handover, Transport};
use super::shared::{Backoff, Shared};
use super::url::Query;

/// A receiver that was replaced must be ended by the relay within this time.
const RETIRED_MAX: Duration = Duration::from_secs(10);
/// What a heartbeat or an answer may be late.
pub(super) const LATE_MAX: Duration = Duration::from_secs(8);
/// After an orderly end that brought nothing, so that two receivers that replace each other do not spin.
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

/// How one receiving request ended.
enum Ended {
    /// In order, with units or after its time.
    Full,
    /// In order, with nothing: another receiver took over.
    Empty,
    /// Broken, truncated or late.
    Broken,
    /// The relay does not know the socket.
    Gone,
}

/// Keeps the wanted receiver running until the session ends.
pub(super) async fn supervise(shared: Arc<Shared>) {
    let mut wanted = shared.wanted.subscribe();
    loop {
        let now = *wanted.borrow_and_update();
        let retire = CancellationToken::new();
        let receiver = tokio::spawn(run(shared.clone(), now.transport, retire.clone(), now.generation));
        tokio::select! {
            () = shared.stop.cancelled() => {
                receiver.abort();
                return;
            }
            changed = wanted.changed() => if changed.is_err() { return },
        }
        retire.cancel();
        if wanted.borrow().handover == Handover::Cut {
            receiver.abort();
            let _ = receiver.await;
        }
    }
}

async fn run(shared: Arc<Shared>, transport: Transport, retire: CancellationToken, generation: u64) {
    let mut backoff = Backoff::new(&shared.settings, 1 + generation);
    let overdue = async {
        retire.cancelled().await;
        sleep_until(Instant::now() + RETIRED_MAX).await;
    };
    let receive = async {
        while !retire.is_cancelled() {
            shared.requests.fetch_add(1, Ordering::Relaxed);
            let ended = match transport {
                Transport::Poll => poll::once(&shared, generation, false).await,
                Transport::Jsonp => poll::once(&shared, generation, true).await,
                Transport::Stream => stream::once(&shared).await,
                Transport::Sse => sse::once(&shared).await,
                Transport::WebSocket => socket::once(&shared, &retire).await,
            };
            match ended {
                Ended::Full => shared.succeeded(),
                Ended::Empty => {
                    shared.succeeded();
                    sleep(EMPTY_PAUSE).await;
                }
                Ended::Gone => return shared.end_abnormally(),
                Ended::Broken => {
                    shared.failed(&mut backoff).await;
                    continue;
                }
            }
            backoff.reset();
        }
    };
    tokio::select! {
        () = receive => {}
        () = overdue => {}
        () = shared.stop.cancelled() => {}
    }
}

/// The parameters that every receiver takes.
fn query(shared: &Shared, ack: u64) -> Query {
    let settings = &shared.settings;
    Query::default()
        .and("v", 1)
        .and("ack", ack)
        .and("ttl", settings.ttl.as_millis())
        .and_if("dial", settings.dial.then_some(1))
        .and_if("pause", settings.pause.map(|pause| pause.as_millis()))
}

/// Opens a stream; an answer that is none is read and judged.
async fn open(shared: &Shared, path: &str, kind: &str, ack: u64) -> Result<Streaming, Ended> {
    let request = Request::get(&format!("{}?{}", shared.url(path), query(shared, ack)));
    let Ok(mut streaming) = shared.http.open(&request, LATE_MAX).await else { return Err(Ended::Broken) };
    let head = streaming.head.clone();
    if head.status() == 200 {
        let found = head.header("content-type").unwrap_or_default().to_owned();
        if found.split(';').next() != Some(kind) {
            shared.violate(format!("/{path} has content type {found:?}"));
            return Err(Ended::Broken);
        }
        return Ok(streaming);
    }
    let mut body = Vec::new();
    while let Ok(Ok(Some(piece))) = timeout(LATE_MAX, streaming.piece()).await {
        body.extend_from_slice(&piece);
    }
    Err(refused(shared, path, head.status(), &body))
}

/// Judges the refusal of a receiver.
fn refused(shared: &Shared, path: &str, status: u16, body: &[u8]) -> Ended {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) if answer::refusal(&json) == Some("gone") && status == 403 => Ended::Gone,
        // A body that was cut proves nothing.
        Err(_) => Ended::Broken,
        Ok(json) => {
            shared.violate(format!("/{path} answered {status} with {json}"));
            Ended::Broken
        }
    }
}

/// The next piece of a stream: silent for longer than its heartbeats, it counts as broken.
async fn piece(shared: &Shared, streaming: &mut Streaming) -> Result<Option<Bytes>, Ended> {
    match timeout(shared.settings.ttl + LATE_MAX, streaming.piece()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(_)) | Err(_) => Err(Ended::Broken),
    }
}

/// A receiver that closed the session must be told that its close arrived, so that the relay can forget the session.
pub(super) async fn confirm_close(shared: &Shared) {
    let ack = shared.core().inbox.last();
    let request = Request::get(&format!("{}?v=1&ack={ack}&ttl=1000", shared.url("j")));
    // Best effort: without it the relay forgets the session after its idle time.
    let _ = shared.http.request(&request, Duration::from_secs(2)).await;
}
