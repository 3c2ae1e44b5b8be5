//! What the tasks and the handles of one [`Redis`](crate::Redis) share: its servers, and which has what.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Listener;
use crate::link::Link;
use crate::place::Place;
use crate::slot::{Range, SLOTS, slot};
use crate::target::{Address, Kind, Target};

pub(crate) struct Shared {
    pub target: Target,
    pub listener: Arc<dyn Listener>,
    pub counters: Counters,
    /// Told when servers may have changed.
    pub doubt: Notify,
    routes: RwLock<Routes>,
    /// Told when the routes have changed.
    pub routed: watch::Sender<u64>,
    /// Why no server of the cluster has said who has what, when it was last asked.
    silence: Mutex<Option<String>>,
    /// Held while it is decided where subscriptions belong.
    subscribing: Mutex<()>,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
}

#[derive(Default)]
struct Routes {
    places: Vec<Arc<Place>>,
    /// By slot, the index of the place; none outside a cluster, where the only place has all.
    slots: Option<Vec<Option<u16>>>,
}

impl Routes {
    fn place(&self, key: &[u8]) -> Option<&Arc<Place>> {
        match &self.slots {
            None => self.places.first(),
            Some(slots) => self.places.get(usize::from(slots[slot(key)]?)),
        }
    }
}

/// What is counted, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub connects: Count,
    pub up: Count,
}

/// A counter that guards nothing, hence relaxed.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    pub fn sub(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Shared {
    pub fn new(target: Target, listener: Arc<dyn Listener>) -> Arc<Self> {
        let stop = CancellationToken::new();
        let alone = !matches!(target.kind, Kind::Cluster { .. });
        let places = if alone { vec![Arc::new(Place::new(None, stop.child_token()))] } else { Vec::new() };
        let slots = (!alone).then(|| vec![None; SLOTS]);
        let shared = Arc::new(Self {
            target,
            listener,
            counters: Counters::default(),
            doubt: Notify::new(),
            routes: RwLock::new(Routes { places: places.clone(), slots }),
            routed: watch::Sender::default(),
            silence: Mutex::default(),
            subscribing: Mutex::default(),
            stop,
            tasks: TaskTracker::new(),
        });
        for place in places {
            shared.tasks.spawn(place.keep(shared.clone()));
        }
        shared
    }

    /// Who has a key now; none while that is not known.
    pub fn place(&self, key: &[u8]) -> Option<Arc<Place>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).place(key).cloned()
    }

    /// A server of the cluster by its address.
    pub fn place_at(&self, host: &str, port: u16) -> Option<Arc<Place>> {
        let at = |place: &&Arc<Place>| place.address().is_some_and(|a| a.host == host && a.port == port);
        self.places().iter().find(at).cloned()
    }

    pub fn places(&self) -> Vec<Arc<Place>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).places.clone()
    }

    /// Servers of a cluster that can be asked.
    pub fn links(&self) -> Vec<(Address, Link)> {
        self.places().iter().filter_map(|place| Some((place.address()?.clone(), place.link()?))).collect()
    }

    pub fn some_are_down(&self) -> bool {
        let places = self.places();
        places.is_empty() || places.iter().any(|place| place.link().is_none())
    }

    pub fn set_silence(&self, why: Option<String>) {
        *self.silence.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why it is not known who has a key.
    pub fn why_unknown(&self) -> String {
        let silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        silence.as_ref().map_or_else(
            || "no server of the cluster has this part of it".to_owned(),
            |why| format!("no server of the cluster says where slots are; {why}"),
        )
    }

    /// Something does not seem to be where it was.
    pub fn doubt(&self, place: &Place) {
        place.doubt.notify_one();
        self.doubt.notify_one();
    }

    /// Subscribes where it belongs.
    pub fn want(&self, channel: &str) -> Option<oneshot::Receiver<()>> {
        let _deciding = self.subscribing.lock().unwrap_or_else(PoisonError::into_inner);
        self.home(channel).subscriptions.want(channel)
    }

    pub fn unwant(&self, channel: &str) {
        let _deciding = self.subscribing.lock().unwrap_or_else(PoisonError::into_inner);
        self.home(channel).subscriptions.unwant(channel);
    }

    /// Where a channel belongs, or where it waits until that is known.
    fn home(&self, channel: &str) -> Arc<Place> {
        self.place(channel.as_bytes()).unwrap_or_else(|| self.limbo())
    }

    /// A place without a server, the last of a cluster's places, for channels of slots that nobody has.
    fn limbo(&self) -> Arc<Place> {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(limbo) = routes.places.last().filter(|place| place.address().is_none()) {
            return limbo.clone();
        }
        let limbo = Arc::new(Place::new(None, self.stop.child_token()));
        routes.places.push(limbo.clone());
        limbo
    }

    /// A cluster has said who has what.
    pub fn set_ranges(self: &Arc<Self>, ranges: &[Range]) {
        let _deciding = self.subscribing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.places();
        let mut places: Vec<Arc<Place>> = Vec::new();
        let mut indices: HashMap<&Address, u16> = HashMap::new();
        let mut slots = vec![None; SLOTS];
        for range in ranges {
            let index = *indices.entry(&range.primary).or_insert_with(|| {
                let known = old.iter().find(|place| place.address() == Some(&range.primary)).cloned();
                places.push(known.unwrap_or_else(|| {
                    let place = Arc::new(Place::new(Some(range.primary.clone()), self.stop.child_token()));
                    self.tasks.spawn(place.clone().keep(self.clone()));
                    place
                }));
                u16::try_from(places.len() - 1).unwrap_or(u16::MAX)
            });
            slots[range.first..=range.last].fill(Some(index));
        }
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Routes { places, slots: Some(slots) };
        // Every channel goes where it belongs now.
        for place in &old {
            let here = |name: &str| self.place(name.as_bytes()).is_some_and(|home| Arc::ptr_eq(&home, place));
            for (name, channel) in place.subscriptions.take(here) {
                self.home(&name).subscriptions.give(name, channel);
            }
        }
        let new = self.places();
        for place in old.iter().filter(|place| !new.iter().any(|new| Arc::ptr_eq(new, place))) {
            place.stop();
        }
        self.routed.send_modify(|changes| *changes += 1);
    }
}
