//! The task of a feed: reads its resource again and again, as long as somebody wants to know.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use super::Feeds;
use super::state::{Feed, Turn};
use super::update::Shown;
use crate::access::Scope;
use crate::document::Document;
use crate::upstream::{Answer, Ask, EventSource, Reading, is_below};
use crate::wire::{Code, Failure};

/// Pauses are longer by a random part of up to this, so that many feeds do not read in one moment for ever.
const JITTER: f64 = 0.1;

pub(super) fn start(feeds: Feeds, feed: Arc<Feed>) {
    let life = feeds.0.parts.life.clone();
    if feeds.0.parts.event_paths.iter().any(|prefix| is_below(&feed.resource.path, prefix)) {
        let (feeds, feed, stopping) = (feeds.clone(), feed.clone(), life.clone());
        life.spawn(async move {
            tokio::select! {
                () = listen(&feeds, &feed) => {}
                () = feed.over.cancelled() => {}
                () = stopping.stopping() => {}
            }
        });
    }
    let stopping = life.clone();
    life.spawn(async move {
        tokio::select! {
            () = poll(&feeds, &feed) => {}
            () = feed.over.cancelled() => {}
            () = stopping.stopping() => {}
        }
    });
}

async fn poll(feeds: &Feeds, feed: &Arc<Feed>) {
    loop {
        let turn = feed.turn();
        let ask = Ask {
            credential: turn.credential.as_ref(),
            etag: turn.etag.clone(),
            last_modified: turn.last_modified.clone(),
            ..Ask::default()
        };
        let reading = feeds.0.parts.upstream.read(&feed.resource, ask).await;
        let Some(pause) = settle(feeds, feed, &turn, reading).await else { return };
        let jitter = rand::rng().random_range(0.0..JITTER);
        tokio::select! {
            () = sleep(pause.mul_f64(1.0 + jitter)) => {}
            () = feed.wake.notified() => {}
        }
    }
}

/// What a reading means, and the pause after it; none: the feed is over.
async fn settle(
    feeds: &Feeds,
    feed: &Arc<Feed>,
    turn: &Turn,
    reading: Result<Reading, Failure>,
) -> Option<Duration> {
    let parts = &feeds.0.parts;
    let count = |outcome| parts.metrics.readings.with_label_values(&[outcome]).inc();
    if feed.is_stale(turn) {
        count("stale");
        // What overtook it has woken the feed, or is newer itself.
        return Some(feed.pause(None, None, &parts.pauses));
    }
    match reading {
        Ok(Reading::New(Answer { document, freshness, .. })) => {
            if !feeds.audience(feed, freshness.public) {
                return None;
            }
            let news = feed.read(Shown::Value(document), &freshness);
            count(if news.members.is_empty() { "unchanged" } else { "changed" });
            feeds.spread(feed, news).await;
            Some(feed.pause(freshness.lifetime, None, &parts.pauses))
        }
        Ok(Reading::Same(freshness)) => {
            count("not-modified");
            feeds.spread(feed, feed.same()).await;
            Some(feed.pause(freshness.lifetime, None, &parts.pauses))
        }
        Err(failure) => {
            count("failed");
            let refused = matches!(failure.code, Code::Unauthorized | Code::Forbidden);
            if refused && feed.scope() == Scope::Public && !feeds.audience(feed, false) {
                return None;
            }
            let retry_after = failure.retry_after;
            feeds.spread(feed, feed.failed(failure)).await;
            Some(feed.pause(None, retry_after, &parts.pauses))
        }
    }
}

/// Follows the API's events of the resource, where it gives them.
async fn listen(feeds: &Feeds, feed: &Arc<Feed>) {
    let parts = &feeds.0.parts;
    let mut pause = parts.pauses.shortest;
    loop {
        let turn = feed.turn();
        if let Ok(response) = parts.upstream.open_events(&feed.resource, turn.credential.as_ref()).await {
            pause = parts.pauses.shortest;
            feed.set_streaming(true);
            // What changed before the stream was open.
            feed.touch();
            let mut events = EventSource::new(response.into_body(), parts.event_bytes_max);
            while let Some(batch) = events.next().await {
                // What comes with one member's credential is believed within its own scope only: whether it is still
                // for everybody is said by answers, not by events.
                let believed = parts.event_values && feed.scope() != Scope::Public;
                let last = batch.into_iter().next_back().filter(|_| believed);
                match last.and_then(Document::parse) {
                    Some(document) => {
                        let news = feed.told(Shown::Value(document));
                        feeds.spread(feed, news).await;
                    }
                    None => feed.touch(),
                }
            }
            feed.set_streaming(false);
            feed.touch();
        }
        sleep(pause).await;
        pause = (pause * 2).min(parts.pauses.longest);
    }
}
