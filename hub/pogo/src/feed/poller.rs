//! The task of a feed: reads its resource again and again, as long as somebody wants to know.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::Feeds;
use super::cause::Cause;
use super::speakers::Refusal;
use super::state::{Feed, Turn};
use super::update::Shown;
use crate::access::{Credential, Scope};
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
        let turn = feed.turn(feeds.0.parts.pauses.shortest);
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
            () = feed.due() => {}
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
            heard(feeds, feed, turn);
            let news = feeds.read(feed, turn, Shown::Value(document), &freshness)?;
            feed.finish(turn);
            count(if news.members.is_empty() { "unchanged" } else { "changed" });
            feeds.spread(feed, news).await;
            Some(feed.pause(freshness.lifetime, None, &parts.pauses))
        }
        Ok(Reading::Same(freshness)) => {
            count("not-modified");
            // Who may see it can change without it.
            if freshness.closed && !feeds.unshare(feed) {
                return None;
            }
            heard(feeds, feed, turn);
            let news = feed.same();
            feed.finish(turn);
            feeds.spread(feed, news).await;
            Some(feed.pause(freshness.lifetime, None, &parts.pauses))
        }
        Err(failure) => {
            count("failed");
            let refused = matches!(failure.code, Code::Unauthorized | Code::Forbidden);
            let of_client = failure.http.is_some_and(|status| (400..500).contains(&status));
            if of_client && feed.scope() == Scope::Public {
                match feed.refused(turn, failure.code) {
                    Refusal::All if refused && !feeds.unshare(feed) => return None,
                    Refusal::All => {}
                    Refusal::Doubt => return Some(feed.until_another(&parts.pauses)),
                    Refusal::Part => {
                        feeds.part(feed, turn.speaker);
                        return Some(feed.until_another(&parts.pauses));
                    }
                }
            }
            let retry_after = failure.retry_after;
            let news = feed.failed(failure);
            feed.finish(turn);
            feeds.spread(feed, news).await;
            Some(feed.pause(None, retry_after, &parts.pauses))
        }
    }
}

/// Who was told otherwise than this one goes its own way.
fn heard(feeds: &Feeds, feed: &Arc<Feed>, turn: &Turn) {
    if let Some(scope) = feed.heard(turn)
        && feed.scope() == Scope::Public
    {
        feeds.part(feed, scope);
    }
}

/// Follows the API's events of the resource, where it gives them.
async fn listen(feeds: &Feeds, feed: &Arc<Feed>) {
    let parts = &feeds.0.parts;
    let mut pause = parts.pauses.shortest;
    loop {
        let speaker = feed.speaker();
        let scope = speaker.as_ref().map_or(Scope::Anonymous, Credential::scope);
        if let Ok(response) = parts.upstream.open_events(&feed.resource, speaker.as_ref()).await {
            pause = parts.pauses.shortest;
            feed.set_streaming(true);
            // What changed before the stream was open.
            feed.touch(Cause::Told);
            let mut events = EventSource::new(response.into_body(), parts.event_bytes_max);
            // Many events make few readings: the next is due then.
            let (mut due, mut waits) = (Instant::now() + parts.pauses.shortest, false);
            loop {
                let batch = tokio::select! {
                    batch = events.next() => batch,
                    () = sleep_until(due), if waits => {
                        feed.touch(Cause::Told);
                        (due, waits) = (Instant::now() + parts.pauses.shortest, false);
                        continue;
                    }
                };
                let Some(batch) = batch else { break };
                // What comes with one member's credential is believed within its own scope only: whether it is still
                // for everybody is said by answers, not by events.
                let value = batch.into_iter().next_back().filter(|_| parts.event_values);
                let told = |document| feed.told_in(scope, Shown::Value(document));
                match value.and_then(Document::parse).and_then(told) {
                    Some(news) => feeds.spread(feed, news).await,
                    None if Instant::now() >= due => {
                        feed.touch(Cause::Told);
                        due = Instant::now() + parts.pauses.shortest;
                    }
                    None => waits = true,
                }
            }
            feed.set_streaming(false);
            feed.touch(Cause::Told);
        }
        sleep(pause).await;
        pause = (pause * 2).min(parts.pauses.longest);
    }
}
