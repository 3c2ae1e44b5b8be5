//! What the administrative routes do.

use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode};
use polysocket_broker::Kind;
use regex::RegexBuilder;

use crate::answer::{Refusal, ShownChannel, ShownChannels, Status, json, with};
use crate::channel::Channel;
use crate::gockets::Gockets;
use crate::hooks::{self, Secret};
use crate::options;
use crate::query::parameter;

/// The body of `prepare` and `edit`.
pub(crate) const OPTIONS_BYTES_MAX: usize = 16 * 1024;
/// A compiled search; the original's, too, are of linear time, but their size was not bounded.
const SEARCH_BYTES_MAX: usize = 1 << 20;
/// Channels whose listeners are counted at the same time, for a list.
const COUNTS_AT_ONCE: usize = 64;

/// How many listeners a message was sent to.
const LISTENERS: HeaderName = HeaderName::from_static("x-gockets-listeners");
/// Where a message is in the channel's order: what `since` takes.
const POSITION: HeaderName = HeaderName::from_static("x-gockets-position");

pub(crate) async fn prepare(gockets: &Gockets, body: &[u8]) -> Result<Response, Refusal> {
    let settings = options::for_prepare(body, gockets.0.dialer.policy())?;
    let created_ms = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    let channel = Channel::new(settings, u64::try_from(created_ms).unwrap_or(u64::MAX));
    gockets.0.channels.create(&channel).await?;
    tracing::debug!(channel = ?channel.subscriber, "channel prepared");
    let mut shown = ShownChannel::new(&channel, 0);
    shown.hook_secret = channel.settings.secret.as_ref().map(Secret::reveal);
    Ok(json(StatusCode::OK, &shown))
}

pub(crate) async fn list(gockets: &Gockets, query: &str) -> Result<Response, Refusal> {
    let search = match parameter(query, "search") {
        Some(pattern) if !pattern.is_empty() => {
            let built = RegexBuilder::new(&pattern).size_limit(SEARCH_BYTES_MAX).build();
            // The status is the original's.
            let invalid =
                || Status::err(StatusCode::INTERNAL_SERVER_ERROR, "Invalid regex pattern was passed");
            Some(built.map_err(|_| invalid())?)
        }
        _ => None,
    };
    let mut channels = gockets.0.channels.list().await?;
    if let Some(search) = search {
        channels.retain(|channel| channel.settings.tag.as_deref().is_some_and(|tag| search.is_match(tag)));
    }
    let counted: Vec<(Channel, u64)> = stream::iter(channels)
        .map(|channel| {
            let (broker, topic) = (gockets.0.broker.clone(), gockets.0.topic(&channel.subscriber));
            async move { broker.subscribers(&topic).await.map(|listeners| (channel, listeners)) }
        })
        .buffered(COUNTS_AT_ONCE)
        .try_collect()
        .await?;
    let shown = counted.iter().map(|(channel, listeners)| ShownChannel::new(channel, *listeners)).collect();
    Ok(json(StatusCode::OK, &ShownChannels { channels: shown }))
}

async fn show_with_count<'a>(gockets: &Gockets, channel: &'a Channel) -> Result<ShownChannel<'a>, Refusal> {
    let listeners = gockets.0.broker.subscribers(&gockets.0.topic(&channel.subscriber)).await?;
    Ok(ShownChannel::new(channel, listeners))
}

pub(crate) async fn show(gockets: &Gockets, channel: &Channel) -> Result<Response, Refusal> {
    Ok(json(StatusCode::OK, &show_with_count(gockets, channel).await?))
}

pub(crate) async fn edit(gockets: &Gockets, channel: &Channel, body: &[u8]) -> Result<Response, Refusal> {
    let edit = options::for_edit(body, gockets.0.dialer.policy())?;
    let edited = gockets.0.channels.edit(&channel.publisher, &edit).await?;
    gockets.0.cached.forget(&channel.subscriber);
    // What waits for a hook that was wrong shall not wait for its pause as well.
    gockets.0.hooks.hurry(channel.subscriber);
    let edited = edited.ok_or_else(|| Status::no_publisher(gockets.0.config.legacy_status))?;
    let mut shown = show_with_count(gockets, &edited).await?;
    shown.hook_secret = edit.secret.flatten().as_ref().map(Secret::reveal);
    Ok(json(StatusCode::OK, &shown))
}

pub(crate) async fn publish(
    gockets: &Gockets,
    channel: &Channel,
    query: &str,
    body: Bytes,
) -> Result<Response, Refusal> {
    let is_text = std::str::from_utf8(&body).is_ok();
    let kind = match (parameter(query, "type").as_deref(), is_text) {
        (Some("binary"), _) | (None, false) => Kind::Binary,
        (Some("text") | None, true) => Kind::Text,
        (Some("text"), false) => {
            return Err(Status::err(StatusCode::BAD_REQUEST, "Message is not UTF-8 text").into());
        }
        (Some(_), _) => {
            let message = "Invalid type: text or binary is taken";
            return Err(Status::err(StatusCode::BAD_REQUEST, message).into());
        }
    };
    let topic = gockets.0.topic(&channel.subscriber);
    let length = body.len() as u64;
    let published = gockets.0.broker.publish(&topic, kind, body).await?;
    gockets.0.metrics.published.inc();
    gockets.0.metrics.published_bytes.inc_by(length);
    let heard = published.subscribers > 0 || gockets.0.broker.is_known(&topic).await?;
    let status = if heard {
        Status::inf("Successfully pushed data to subscriber")
    } else {
        Status::inf("Subscriber has not subscribed yet")
    };
    let response = with(status.into_response(), LISTENERS, published.subscribers);
    // An epoch is letters and digits.
    Ok(match HeaderValue::try_from(published.position.to_string()) {
        Ok(position) => with(response, POSITION, position),
        Err(_) => response,
    })
}

pub(crate) async fn delete(gockets: &Gockets, channel: &Channel) -> Result<Response, Refusal> {
    let topic = gockets.0.topic(&channel.subscriber);
    // Twice: before, so that a broker that is away is known while the channel can still be deleted again; and after,
    // for listeners that came between.
    gockets.0.broker.forget(&topic).await?;
    let deleted = gockets.0.channels.delete(&channel.publisher).await?;
    gockets.0.cached.forget(&channel.subscriber);
    if deleted.is_none() {
        return Err(Status::no_publisher(gockets.0.config.legacy_status).into());
    }
    if let Err(error) = gockets.0.broker.forget(&topic).await {
        tracing::warn!(%error, "listeners that came while their channel was deleted may still be connected");
    }
    Ok(Status::ok("Successfully closed connection").into_response())
}

pub(crate) fn hooks(gockets: &Gockets) -> Response {
    json(StatusCode::OK, &gockets.0.hooks.overview())
}

pub(crate) fn hook(gockets: &Gockets, channel: &Channel) -> Response {
    let standing: hooks::Standing = gockets.0.hooks.standing(channel.subscriber);
    json(StatusCode::OK, &standing)
}

pub(crate) fn drop_dead(gockets: &Gockets, channel: &Channel) -> Response {
    let dropped = gockets.0.hooks.drop_dead(channel.subscriber);
    Status::ok(format!("Dead letters dropped: {dropped}")).into_response()
}

pub(crate) fn retry_dead(gockets: &Gockets, channel: &Channel) -> Response {
    let moved = gockets.0.hooks.retry_dead(channel.subscriber);
    Status::ok(format!("Dead letters queued again: {moved}")).into_response()
}
