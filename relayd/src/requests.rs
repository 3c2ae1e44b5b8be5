//! What routers have asked for lately, so that a repeat finds what the first opened.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use polysocket_registry::Outcome;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::sessions::Cell;

/// How long a repeat of a request finds the socket it opened: longer than it may be without a receiver.
const REMEMBERED: Duration = Duration::from_secs(20);

/// What came of a request, and the session, if there is one.
pub(crate) type Opened = (Outcome, Option<Arc<Cell>>);
type Answered = watch::Receiver<Option<Opened>>;

/// Requests of the last seconds, by their id.
#[derive(Default)]
pub(crate) struct Requests(DashMap<String, (Answered, Instant)>);

impl Requests {
    /// What will have come of it; and for the first who asks, where to say so.
    pub(crate) fn enter(&self, id: &str) -> (Answered, Option<watch::Sender<Option<Opened>>>) {
        match self.0.entry(id.to_owned()) {
            Entry::Occupied(entry) => (entry.get().0.clone(), None),
            Entry::Vacant(entry) => {
                let (sender, receiver) = watch::channel(None);
                entry.insert((receiver.clone(), Instant::now() + REMEMBERED));
                (receiver, Some(sender))
            }
        }
    }

    /// A repeat begins anew. What came of it, if it is known.
    pub(crate) fn forget(&self, id: &str) -> Option<Opened> {
        self.0.remove(id).and_then(|(_, (answered, _))| answered.borrow().clone())
    }

    /// Forgets the old ones.
    pub(crate) fn sweep(&self, now: Instant) {
        self.0.retain(|_, (_, until)| *until > now);
    }
}
