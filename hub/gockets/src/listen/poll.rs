//! Listening by long polls: each answer says where the next poll begins, so that nothing between two is lost.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use polysocket_broker::{Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Topic};
use serde::Serialize;
use tokio::time::timeout;

use super::outbox::Outbox;
use crate::answer::{Refusal, Status, json};
use crate::channel::Channel;
use crate::config::POLL_TIME_MAX;
use crate::gockets::Gockets;
use crate::query::{parameter, position};

/// How long a poll waits when it does not say.
const WAIT: Duration = Duration::from_secs(25);

#[derive(Serialize)]
struct Answer {
    /// What `since` of the next poll is to be.
    position: String,
    /// Whether all since the position that was asked for is here or yet to come; `null` when none was.
    recovered: Option<bool>,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Message {
    position: String,
    r#type: &'static str,
    data: String,
}

pub(crate) async fn serve(gockets: &Gockets, channel: Channel, query: &str) -> Result<Response, Refusal> {
    let permit = gockets.0.streams.try_acquire();
    let _permit = permit.map_err(|_| Refusal::Unavailable("gockets.streams_max is reached".to_owned()))?;
    let since = position(parameter(query, "since").as_deref())?;
    let wait = wait(parameter(query, "wait").as_deref())?;
    let bytes_max = gockets.0.config.stream_queue_bytes_max.as_usize();
    let listener = Arc::new(Listener { outbox: Outbox::new(bytes_max), seen: Mutex::default() });
    let topic = gockets.0.topic(&channel.subscriber);
    let options = SubscribeOptions { since: since.clone(), member: None };
    let subscription = gockets.0.broker.subscribe(&topic, listener.clone(), options).await?;
    let at = subscription.at().clone();
    // Who has missed something that cannot be had is told so at once.
    if at.recovered != Some(false) {
        gockets.0.metrics.polls.inc();
        tokio::select! {
            _ = timeout(wait, listener.outbox.some()) => (),
            () = gockets.0.life.draining() => (),
        }
        gockets.0.metrics.polls.dec();
    }
    drop(subscription);
    let publications = listener.outbox.take(gockets.0.config.poll_messages_max);
    let seen = listener.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if seen.removed {
        return Err(Status::no_subscriber(gockets.0.config.legacy_status).into());
    }
    let recovered = if seen.gap.is_some() { Some(false) } else { at.recovered };
    let position = match (publications.last(), seen.gap, since) {
        (Some(last), _, _) => last.position(),
        (None, Some(gap), _) => gap,
        // What was missed may still be on its way.
        (None, None, Some(since)) if recovered == Some(true) => since,
        (None, None, _) => at.position,
    };
    let messages = publications.iter().map(|publication| Message::of(publication)).collect();
    Ok(json(StatusCode::OK, &Answer { position: position.to_string(), recovered, messages }))
}

/// Seconds, at most 50.
fn wait(text: Option<&str>) -> Result<Duration, Refusal> {
    let Some(text) = text else { return Ok(WAIT) };
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds).min(POLL_TIME_MAX.as_duration())),
        Err(_) => Err(Status::err(StatusCode::BAD_REQUEST, "Invalid wait: seconds are taken").into()),
    }
}

impl Message {
    fn of(publication: &Publication) -> Self {
        let position = publication.position().to_string();
        match (publication.kind, std::str::from_utf8(&publication.payload)) {
            (Kind::Text, Ok(text)) => Self { position, r#type: "text", data: text.to_owned() },
            _ => Self { position, r#type: "binary", data: STANDARD.encode(&publication.payload) },
        }
    }
}

/// The poll as the broker sees it.
struct Listener {
    outbox: Outbox<Arc<Publication>>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Default)]
struct Seen {
    gap: Option<Position>,
    removed: bool,
}

impl Listener {
    fn see(&self, see: impl FnOnce(&mut Seen)) {
        see(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.outbox.end();
    }
}

impl Subscriber for Listener {
    fn subscribed(&self, _topic: &Topic, _at: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        // What finds no room is given to the next poll, from the position of this one.
        self.outbox.add(publication.payload.len(), publication.clone());
    }

    fn gap(&self, _topic: &Topic, from: &Position) {
        self.see(|seen| seen.gap = Some(from.clone()));
    }

    fn removed(&self, _topic: &Topic) {
        self.see(|seen| seen.removed = true);
    }
}
