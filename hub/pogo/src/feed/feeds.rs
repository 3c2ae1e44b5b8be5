//! All feeds of a mount.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use polysocket_service::Lifecycle;

use super::cause::Cause;
use super::member::Member;
use super::news::{News, What};
use super::poller;
use super::state::{Feed, Pauses, Turn};
use super::update::Shown;
use crate::access::Scope;
use crate::document::Document;
use crate::metrics::PogoMetrics;
use crate::upstream::{Freshness, Resource, Upstream, parent};
use crate::wire::{Code, Failure};

/// Members that are told something between two chances for other tasks.
const MEMBERS_AT_ONCE: usize = 128;

/// For whom a push says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    /// Not for everybody, also where the API has said so before.
    Private,
}

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
    /// Where each member is, by its id.
    members: HashMap<u64, Arc<Feed>>,
    /// Those for whom there was no room when they had to move, the oldest first.
    waiting: BTreeMap<u64, (Resource, Arc<Member>)>,
}

fn no_room() -> Failure {
    Failure::new(Code::Unavailable, "this server watches as many resources as it may; try again later")
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
        let shared = map.get(resource, Scope::Public).cloned();
        self.place(&mut map, shared, resource, member, false)?;
        self.0.parts.metrics.binds.inc();
        Ok(())
    }

    /// The same for somebody who is bound already: where there is no room it waits for some, and is told.
    pub(crate) fn attach_or_wait(&self, resource: &Resource, member: &Arc<Member>) {
        let mut map = self.map();
        let shared = map.get(resource, Scope::Public).cloned();
        self.place_or_wait(&mut map, shared, resource, member, false);
        self.0.parts.metrics.binds.inc();
    }

    /// Into the shared feed, if there is one; else into that of its own scope. `was`: it was shown something before.
    fn place(
        &self,
        map: &mut Map,
        shared: Option<Arc<Feed>>,
        resource: &Resource,
        member: &Arc<Member>,
        was: bool,
    ) -> Result<(), Failure> {
        let scope = member.scope();
        let feed = match shared.or_else(|| map.get(resource, scope).cloned()) {
            Some(feed) => feed,
            None if map.count >= self.0.parts.feeds_max => return Err(no_room()),
            None => {
                let feed = Arc::new(Feed::new(self.new_id(), resource.clone(), scope, was));
                map.insert(scope, feed.clone());
                self.0.parts.metrics.feeds.inc();
                poller::start(self.clone(), feed.clone());
                feed
            }
        };
        self.enter(map, &feed, member);
        Ok(())
    }

    fn place_or_wait(
        &self,
        map: &mut Map,
        shared: Option<Arc<Feed>>,
        resource: &Resource,
        member: &Arc<Member>,
        was: bool,
    ) {
        if let Err(failure) = self.place(map, shared, resource, member, was) {
            map.members.remove(&member.id);
            member.moved(0);
            member.notice(0, Some(&failure), &resource.text);
            member.settled.notify_one();
            map.waiting.insert(member.id, (resource.clone(), member.clone()));
        }
    }

    /// Gives free room to those who wait for it.
    fn seat(&self, map: &mut Map) {
        while map.count < self.0.parts.feeds_max
            && let Some((_, (resource, member))) = map.waiting.pop_first()
        {
            member.notice(0, None, &resource.text);
            let shared = map.get(&resource, Scope::Public).cloned();
            self.place_or_wait(map, shared, &resource, &member, true);
        }
    }

    fn enter(&self, map: &mut Map, feed: &Arc<Feed>, member: &Arc<Member>) {
        member.moved(feed.id);
        map.members.insert(member.id, feed.clone());
        if feed.enter(member) {
            self.0.parts.metrics.updates.inc();
        }
    }

    /// The feed of somebody who is bound; `Err`: there is no room for it now.
    pub(super) fn feed_of(&self, member: &Member) -> Result<Option<Arc<Feed>>, Failure> {
        let map = self.map();
        if map.waiting.contains_key(&member.id) {
            Err(no_room())
        } else {
            Ok(map.members.get(&member.id).cloned())
        }
    }

    /// Whether somebody is bound.
    pub(crate) fn has(&self, member: &Member) -> bool {
        let map = self.map();
        map.members.contains_key(&member.id) || map.waiting.contains_key(&member.id)
    }

    /// Ends a bind. Without members nothing is read.
    pub(crate) fn detach(&self, member: &Member) {
        let mut map = self.map();
        member.moved(0);
        member.settled.notify_one();
        if map.waiting.remove(&member.id).is_some() {
            self.0.parts.metrics.binds.dec();
        }
        let Some(feed) = map.members.remove(&member.id) else { return };
        self.0.parts.metrics.binds.dec();
        if feed.leave(member.id) {
            self.close(&mut map, &feed);
            self.seat(&mut map);
        }
    }

    fn close(&self, map: &mut Map, feed: &Feed) {
        map.remove(feed);
        if !feed.over.is_cancelled() {
            feed.over.cancel();
            self.0.parts.metrics.feeds.dec();
        }
    }

    /// A path was written to, or somebody says that it has changed: it, its collection and what is below are read; after
    /// a write that failed the path alone.
    pub(crate) fn touch(&self, path: &str, cause: Cause) {
        self.map().at(path).for_each(|feed| feed.touch(cause));
        if cause != Cause::Failed {
            self.touch_around(path, cause);
        }
    }

    fn touch_around(&self, path: &str, cause: Cause) {
        let map = self.map();
        let of_collection = parent(path).into_iter().flat_map(|path| map.at(path));
        of_collection.chain(map.below(path)).for_each(|feed| feed.touch(cause));
    }

    /// Everything may have changed.
    pub(crate) fn touch_all(&self) {
        self.map().feeds.values().flat_map(HashMap::values).for_each(|feed| feed.touch(Cause::Told));
    }

    /// A path was deleted by a write in this scope, which so knows that it is gone; others look for themselves.
    pub(crate) async fn deleted(&self, path: &str, scope: Scope) {
        let mine: Vec<_> = self.map().at(path).filter(|feed| feed.scope() == scope).cloned().collect();
        self.touch(path, Cause::Written);
        for feed in mine {
            if let Some(news) = feed.told_in(scope, Shown::Gone) {
                self.spread(&feed, news).await;
            }
        }
    }

    /// A backend says what a path is now; `None`: it is gone. Where it says itself that this is for everybody it is believed,
    /// else all look for themselves: that the API once said so is no word on what is pushed now. Collections look, too.
    /// `here`: it came by way of this node.
    pub(crate) async fn pushed(
        &self,
        path: &str,
        document: Option<Document>,
        audience: Option<Audience>,
        here: bool,
    ) {
        let all: Vec<_> = self.map().at(path).cloned().collect();
        self.touch_around(path, Cause::Told);
        for feed in all {
            // A query asks for a part or another view of it.
            if audience == Some(Audience::Everybody) && feed.resource.url.query().is_none() {
                let shown = document.clone().map_or(Shown::Gone, Shown::Value);
                let news = feed.told(shown);
                self.spread(&feed, news).await;
                if feed.crosses(here) {
                    feed.touch(Cause::Told);
                }
            } else if audience != Some(Audience::Private) || self.unshare(&feed) {
                feed.touch(Cause::Told);
            }
        }
    }

    /// A reading's state, for those of whom the API says that they may see it. `None`: the feed is over, its members are
    /// elsewhere.
    pub(super) fn read(
        &self,
        feed: &Arc<Feed>,
        turn: &Turn,
        shown: Shown,
        freshness: &Freshness,
    ) -> Option<News> {
        let public = freshness.public && self.0.parts.share_public;
        if public && feed.scope() != Scope::Public {
            return self.share(feed, turn, shown, freshness);
        }
        let goes_on = if public { !feed.over.is_cancelled() } else { self.unshare(feed) };
        goes_on.then(|| feed.read(turn, shown, freshness))
    }

    /// What is for everybody was read for some: their feed becomes that of all, or its members go there.
    fn share(&self, feed: &Arc<Feed>, turn: &Turn, shown: Shown, freshness: &Freshness) -> Option<News> {
        let mut map = self.map();
        if feed.over.is_cancelled() {
            return None;
        }
        let Some(shared) = map.get(&feed.resource, Scope::Public).cloned() else {
            map.remove(feed);
            let news = feed.open(turn, shown, freshness);
            map.insert(Scope::Public, feed.clone());
            return Some(news);
        };
        self.close(&mut map, feed);
        for member in feed.drain() {
            self.enter(&mut map, &shared, &member);
        }
        self.seat(&mut map);
        None
    }

    /// What is read is not for everybody, or not any more. False: the feed is over, its members are elsewhere.
    pub(super) fn unshare(&self, feed: &Arc<Feed>) -> bool {
        let mut map = self.map();
        if feed.over.is_cancelled() || feed.scope() != Scope::Public {
            return !feed.over.is_cancelled();
        }
        self.close(&mut map, feed);
        let was = feed.shows();
        for member in feed.drain() {
            self.place_or_wait(&mut map, None, &feed.resource, &member, was);
        }
        self.seat(&mut map);
        false
    }

    /// Members of one scope are refused what the others of a public feed may see: they go their own way.
    pub(super) fn part(&self, feed: &Arc<Feed>, scope: Scope) {
        let mut map = self.map();
        let was = feed.shows();
        for member in feed.take(scope) {
            self.place_or_wait(&mut map, None, &feed.resource, &member, was);
        }
        if feed.is_empty() {
            self.close(&mut map, feed);
            self.seat(&mut map);
        }
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
