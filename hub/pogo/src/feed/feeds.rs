//! All feeds of a mount.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_service::Lifecycle;
use tokio::time::timeout;

use super::member::Member;
use super::poller;
use super::state::{Feed, Known, News, Pauses, What};
use super::update::Shown;
use crate::access::Scope;
use crate::document::Document;
use crate::metrics::PogoMetrics;
use crate::upstream::{Resource, Upstream, parent};
use crate::wire::{Code, Failure};

/// Members that are told something between two chances for other tasks.
const MEMBERS_AT_ONCE: usize = 128;

/// What feeds are made of.
pub(crate) struct FeedsParts {
    pub(crate) upstream: Upstream,
    pub(crate) feeds_max: usize,
    pub(crate) pauses: Pauses,
    pub(crate) share_public: bool,
    pub(crate) event_paths: Vec<String>,
    pub(crate) event_values: bool,
    pub(crate) event_bytes_max: usize,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: PogoMetrics,
}

/// Watches resources. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Feeds(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) parts: FeedsParts,
    map: Mutex<Map>,
    ids: AtomicU64,
}

/// Feeds of one path.
type AtPath = HashMap<(Scope, Arc<str>), Arc<Feed>>;

/// By path, so that a write finds what is below it; then by scope and the text of the client, query included.
#[derive(Default)]
struct Map {
    feeds: BTreeMap<Arc<str>, AtPath>,
    count: usize,
}

impl Map {
    fn get(&self, resource: &Resource, scope: Scope) -> Option<&Arc<Feed>> {
        self.feeds.get(&resource.path)?.get(&(scope, resource.text.clone()))
    }

    fn insert(&mut self, scope: Scope, feed: Arc<Feed>) {
        let Resource { path, text, .. } = &feed.resource;
        let (path, key) = (path.clone(), (scope, text.clone()));
        if self.feeds.entry(path).or_default().insert(key, feed).is_none() {
            self.count += 1;
        }
    }

    fn remove(&mut self, feed: &Feed) {
        let Resource { path, text, .. } = &feed.resource;
        let Some(at_path) = self.feeds.get_mut(path) else { return };
        let key = (feed.scope(), text.clone());
        if at_path.get(&key).is_some_and(|known| known.id == feed.id) {
            at_path.remove(&key);
            self.count -= 1;
        }
        if at_path.is_empty() {
            self.feeds.remove(path);
        }
    }

    fn at<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Arc<Feed>> {
        self.feeds.get(path).into_iter().flat_map(HashMap::values)
    }

    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a Arc<Feed>> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        let from: (Bound<&str>, Bound<&str>) = (Bound::Excluded(prefix.as_str()), Bound::Unbounded);
        let all = self.feeds.range::<str, _>(from);
        let below = all.take_while(move |(path, _)| path.starts_with(&prefix));
        below.flat_map(|(_, feeds)| feeds.values())
    }
}

impl Feeds {
    pub(crate) fn new(parts: FeedsParts) -> Self {
        Self(Arc::new(Shared { parts, map: Mutex::default(), ids: AtomicU64::new(1) }))
    }

    /// For a member or a feed.
    pub(crate) fn new_id(&self) -> u64 {
        self.0.ids.fetch_add(1, Ordering::Relaxed)
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.0.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds somebody, whose member waits for [`settled`](Self::settled) unless it is live.
    pub(crate) fn attach(&self, resource: &Resource, member: &Arc<Member>) -> Result<(), Failure> {
        let mut map = self.map();
        self.attach_in(&mut map, resource, member)?;
        self.0.parts.metrics.binds.inc();
        Ok(())
    }

    fn attach_in(&self, map: &mut Map, resource: &Resource, member: &Arc<Member>) -> Result<(), Failure> {
        let scope = member.scope();
        let feed = match map.get(resource, Scope::Public).or_else(|| map.get(resource, scope)) {
            Some(feed) => feed.clone(),
            None if map.count >= self.0.parts.feeds_max => {
                return Err(Failure::new(
                    Code::Unavailable,
                    "this server watches as many resources as it may; try again later",
                ));
            }
            None => {
                let feed = Arc::new(Feed::new(self.new_id(), resource.clone(), scope));
                map.insert(scope, feed.clone());
                self.0.parts.metrics.feeds.inc();
                poller::start(self.clone(), feed.clone());
                feed
            }
        };
        self.enter(&feed, member);
        Ok(())
    }

    fn enter(&self, feed: &Arc<Feed>, member: &Arc<Member>) {
        member.moved(feed.id);
        *member.feed.lock().unwrap_or_else(PoisonError::into_inner) = Some(feed.clone());
        if feed.enter(member) {
            self.0.parts.metrics.updates.inc();
        }
    }

    /// Ends a bind. Without members nothing is read.
    pub(crate) fn detach(&self, member: &Member) {
        let mut map = self.map();
        member.moved(0);
        let Some(feed) = member.feed.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.0.parts.metrics.binds.dec();
        if feed.leave(member.id) {
            self.close(&mut map, &feed);
        }
    }

    fn close(&self, map: &mut Map, feed: &Feed) {
        map.remove(feed);
        if !feed.over.is_cancelled() {
            feed.over.cancel();
            self.0.parts.metrics.feeds.dec();
        }
    }

    /// Waits until it is known what the resource is, then sends `ack` and the state. An error: it is not bound.
    pub(crate) async fn settled(
        &self,
        member: &Arc<Member>,
        ack: Option<Bytes>,
        snapshot: bool,
    ) -> Result<(), Failure> {
        let settled = timeout(self.0.parts.upstream.within() * 2, self.settling(member, ack, snapshot));
        let settled = settled
            .await
            .unwrap_or_else(|_| Err(Failure::new(Code::Timeout, "the API did not answer in time")));
        if settled.is_err() {
            self.detach(member);
        }
        settled
    }

    async fn settling(
        &self,
        member: &Arc<Member>,
        ack: Option<Bytes>,
        snapshot: bool,
    ) -> Result<(), Failure> {
        loop {
            let feed = member.feed.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let Some(feed) = feed else {
                // Another bind of the same path has taken its place, and is told the state.
                member.acknowledge(ack);
                return Ok(());
            };
            match feed.known() {
                Known::State(update, failure) => {
                    if update.shown == Shown::Gone {
                        return Err(Failure::new(Code::NotFound, "there is nothing at this path"));
                    }
                    if member.go_live(ack.clone(), &update, snapshot, &feed.resource.text) {
                        self.0.parts.metrics.updates.inc();
                    }
                    if member.is_live() {
                        // What came between is not missed: an update after this one finds it live.
                        if let Known::State(newer, _) = feed.known()
                            && member.update(&newer, &feed.resource.text)
                        {
                            self.0.parts.metrics.updates.inc();
                        }
                        if failure.is_some() {
                            member.notice(feed.id, failure.as_ref(), &feed.resource.text);
                        }
                        return Ok(());
                    }
                }
                Known::Failure(failure) => return Err(failure),
                Known::Nothing => member.settled.notified().await,
            }
        }
    }

    /// A path was written to, or somebody says that it has changed: it, its collection and what is below are read.
    pub(crate) fn touch(&self, path: &str) {
        self.map().at(path).for_each(|feed| feed.touch());
        self.touch_around(path);
    }

    fn touch_around(&self, path: &str) {
        let map = self.map();
        let of_collection = parent(path).into_iter().flat_map(|path| map.at(path));
        of_collection.chain(map.below(path)).for_each(|feed| feed.touch());
    }

    /// Everything may have changed.
    pub(crate) fn touch_all(&self) {
        self.map().feeds.values().flat_map(HashMap::values).for_each(|feed| feed.touch());
    }

    /// A path was deleted by a write in this scope, which so knows that it is gone; others look for themselves.
    pub(crate) async fn deleted(&self, path: &str, scope: Scope) {
        let mine: Vec<_> = self.map().at(path).filter(|feed| feed.scope() == scope).cloned().collect();
        self.touch(path);
        for feed in mine {
            let news = feed.told(Shown::Gone);
            self.spread(&feed, news).await;
        }
    }

    /// A backend says what a path is now; `None`: it is gone. Where that is for everybody (`public`, or the API has said so)
    /// it is believed, others look for themselves. Collections look, too.
    pub(crate) async fn pushed(&self, path: &str, document: Option<Document>, public: bool) {
        let all: Vec<_> = self.map().at(path).cloned().collect();
        self.touch_around(path);
        for feed in all {
            let for_all = public || feed.scope() == Scope::Public;
            // A query asks for a part or another view of it.
            if for_all && feed.resource.url.query().is_none() {
                let shown = document.clone().map_or(Shown::Gone, Shown::Value);
                let news = feed.told(shown);
                self.spread(&feed, news).await;
            } else {
                feed.touch();
            }
        }
    }

    /// The API has said who may see the answers of a feed. False: the feed is over, its members are elsewhere.
    pub(super) fn audience(&self, feed: &Arc<Feed>, public: bool) -> bool {
        let public = public && self.0.parts.share_public;
        let mut map = self.map();
        let scope = feed.scope();
        if feed.over.is_cancelled() || public == (scope == Scope::Public) {
            return !feed.over.is_cancelled();
        }
        if public {
            let Some(shared) = map.get(&feed.resource, Scope::Public).cloned() else {
                map.remove(feed);
                feed.set_scope(Scope::Public);
                map.insert(Scope::Public, feed.clone());
                return true;
            };
            self.close(&mut map, feed);
            for member in feed.drain() {
                self.enter(&shared, &member);
            }
            return false;
        }
        self.close(&mut map, feed);
        for member in feed.drain() {
            // Where there are too many feeds the oldest news is better than none: it is told that it fails.
            if let Err(failure) = self.attach_in(&mut map, &feed.resource, &member) {
                member.notice(feed.id, Some(&failure), &feed.resource.text);
            }
        }
        false
    }

    /// Tells members, and lets other tasks work in between.
    pub(super) async fn spread(&self, feed: &Feed, news: News) {
        let path = &*feed.resource.text;
        for members in news.members.chunks(MEMBERS_AT_ONCE) {
            let mut sent = 0;
            for member in members {
                let update = match &news.what {
                    What::Nothing => None,
                    What::State(update) => Some(update),
                    What::Again(update) => {
                        sent += u64::from(member.again(update, path));
                        None
                    }
                    What::Recovered(update) => {
                        member.notice(feed.id, None, path);
                        update.as_ref()
                    }
                    What::Failed(failure) => {
                        member.notice(feed.id, Some(failure), path);
                        None
                    }
                };
                sent += u64::from(update.is_some_and(|update| member.update(update, path)));
                member.settled.notify_one();
            }
            self.0.parts.metrics.updates.inc_by(sent);
            tokio::task::yield_now().await;
        }
    }
}
