//! A feed: what a resource is, in one scope, and who wants to know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::cause::Cause;
use super::member::Member;
use super::news::{Known, News, What};
use super::speakers::{Refusal, Speakers};
use super::update::{Shown, Update};
use crate::access::{Credential, Scope};
use crate::upstream::{Freshness, Resource};
use crate::wire::{Code, Failure};

/// Readings overtaken by a write that are thrown away in a row. A resource that is written to all the time would
/// otherwise never be shown.
const STALE_MAX: u32 = 2;
/// Pushes by way of two nodes within this time may have crossed on their way.
const CROSSING: Duration = Duration::from_secs(10);

pub(crate) struct Feed {
    pub(super) id: u64,
    pub(super) resource: Resource,
    state: Mutex<State>,
    /// Read now.
    pub(super) wake: Notify,
    /// A client has made another reading due.
    pending: Notify,
    /// A reading has come to an end.
    pub(super) read_done: Notify,
    /// It has no members any more, or others have taken over.
    pub(super) over: CancellationToken,
}

struct State {
    scope: Scope,
    members: HashMap<u64, Arc<Member>>,
    current: Option<Arc<Update>>,
    failure: Option<Failure>,
    /// Counts what happened to the resource as far as we know; a reading from before is of no use.
    generation: u64,
    stale: u32,
    /// Readings that were begun, and the last of them that came to an end.
    begun: u64,
    done: u64,
    /// It was touched since it was last read: a writer may have been shown what it is not.
    touched: bool,
    /// A client touched it since the last reading was begun, so that there has to be another.
    is_pending: bool,
    /// When that may begin at the earliest: what many clients do makes few readings.
    due: Instant,
    seq: u64,
    /// What the last whole answer said; a 304 need not repeat it.
    lifetime: Option<Duration>,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
    /// To which generation they belong; after it the resource is read whole (RFC 9110, section 8.8.2.2).
    validated: u64,
    /// Members were shown something before they came here.
    was: bool,
    speakers: Speakers,
    /// The last push: whether it came by way of this node.
    pushed: Option<(bool, Instant)>,
    failures: u32,
    /// Events of the API tell of changes.
    streaming: bool,
}

/// What the next reading needs.
pub(super) struct Turn {
    pub(super) generation: u64,
    number: u64,
    /// As whom it is read.
    pub(super) speaker: Scope,
    pub(super) credential: Option<Credential>,
    pub(super) etag: Option<HeaderValue>,
    pub(super) last_modified: Option<HeaderValue>,
}

impl Feed {
    pub(super) fn new(id: u64, resource: Resource, scope: Scope, was: bool) -> Self {
        let state = State {
            scope,
            members: HashMap::new(),
            current: None,
            failure: None,
            generation: 0,
            stale: 0,
            begun: 0,
            done: 0,
            touched: false,
            is_pending: false,
            due: Instant::now(),
            seq: 0,
            lifetime: None,
            etag: None,
            last_modified: None,
            validated: 0,
            was,
            speakers: Speakers::default(),
            pushed: None,
            failures: 0,
            streaming: false,
        };
        Self {
            id,
            resource,
            state: Mutex::new(state),
            wake: Notify::new(),
            pending: Notify::new(),
            read_done: Notify::new(),
            over: CancellationToken::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn scope(&self) -> Scope {
        self.state().scope
    }

    pub(super) fn set_streaming(&self, streaming: bool) {
        self.state().streaming = streaming;
    }

    /// One more; it is told at once what is known. True: something was sent.
    pub(super) fn enter(&self, member: &Arc<Member>) -> bool {
        let mut state = self.state();
        state.members.insert(member.id, member.clone());
        let (current, failure) = (state.current.clone(), state.failure.clone());
        drop(state);
        member.settled.notify_one();
        if current.is_none() && failure.is_none() {
            return false;
        }
        let sent = current.is_some_and(|update| member.update(&update, &self.resource.text));
        if failure.is_some() {
            member.notice(self.id, failure.as_ref(), &self.resource.text);
        }
        sent
    }

    /// One less. True: it was the last.
    pub(super) fn leave(&self, id: u64) -> bool {
        let mut state = self.state();
        state.members.remove(&id);
        state.members.is_empty()
    }

    /// All members, who are to go elsewhere.
    pub(super) fn drain(&self) -> Vec<Arc<Member>> {
        self.state().members.drain().map(|(_, member)| member).collect()
    }

    /// The members of one scope, who are to go elsewhere.
    pub(super) fn take(&self, scope: Scope) -> Vec<Arc<Member>> {
        self.state()
            .members
            .extract_if(|_, member| member.scope() == scope)
            .map(|(_, member)| member)
            .collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().members.is_empty()
    }

    /// Whether it has shown that there is something.
    pub(super) fn shows(&self) -> bool {
        let state = self.state();
        state.was || state.current.as_ref().is_some_and(|current| current.shown != Shown::Gone)
    }

    /// Readings that were begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.state().begun
    }

    /// The last reading that came to an end.
    pub(super) fn done(&self) -> u64 {
        self.state().done
    }

    /// A reading has come to its end, and what it found is known.
    pub(super) fn finish(&self, turn: &Turn) {
        self.state().done = turn.number;
        self.read_done.notify_waiters();
    }

    /// What is known: a state, a failure, or nothing yet.
    pub(super) fn known(&self) -> Known {
        let state = self.state();
        match (&state.current, &state.failure) {
            (Some(update), failure) => Known::State(update.clone(), failure.clone()),
            (None, Some(failure)) => Known::Failure(failure.clone()),
            (None, None) => Known::Nothing,
        }
    }

    /// As whom it is to be read now.
    pub(super) fn speaker(&self) -> Option<Credential> {
        let state = self.state();
        state.speakers.choose(state.scope, &state.members)
    }

    /// A reading begins. The next one that a client makes due is not before `shortest` is over.
    pub(super) fn turn(&self, shortest: Duration) -> Turn {
        let mut state = self.state();
        state.begun += 1;
        if std::mem::take(&mut state.is_pending) {
            state.due = Instant::now() + shortest;
        }
        let speaker = state.speakers.choose(state.scope, &state.members);
        let is_validated = state.validated == state.generation;
        Turn {
            generation: state.generation,
            number: state.begun,
            speaker: speaker.as_ref().map_or(Scope::Anonymous, Credential::scope),
            credential: speaker,
            etag: state.etag.clone().filter(|_| is_validated),
            last_modified: state.last_modified.clone().filter(|_| is_validated),
        }
    }

    /// Something happened to the resource: what was asked before is not believed, and it is read at once, or when clients'
    /// next reading is due.
    pub(super) fn touch(&self, cause: Cause) {
        let mut state = self.state();
        state.generation += 1;
        state.touched = true;
        state.is_pending |= cause != Cause::Told;
        drop(state);
        match cause {
            Cause::Told => self.wake.notify_one(),
            Cause::Written | Cause::Failed => self.pending.notify_one(),
        }
    }

    /// Waits until a reading is due because of what clients did.
    pub(super) async fn due(&self) {
        loop {
            let due = self.state().due();
            match due {
                // A timer is up to a millisecond late.
                Some(due) if due <= Instant::now() => return,
                Some(due) => return sleep_until(due).await,
                None => self.pending.notified().await,
            }
        }
    }

    /// Whether a reading is to be thrown away, as it was overtaken.
    pub(super) fn is_stale(&self, turn: &Turn) -> bool {
        let mut state = self.state();
        let stale = turn.generation != state.generation && state.stale < STALE_MAX;
        state.stale = if stale { state.stale + 1 } else { 0 };
        stale
    }

    /// What is for everybody was read. The scope that was told otherwise before, and is to go its own way.
    pub(super) fn heard(&self, turn: &Turn) -> Option<Scope> {
        self.state().speakers.heard(turn.speaker)
    }

    /// What is for everybody was refused to one of them.
    pub(super) fn refused(&self, turn: &Turn, code: Code) -> Refusal {
        let mut state = self.state();
        let alone = state.members.values().all(|member| member.scope() == turn.speaker);
        state.speakers.refused(turn.speaker, alone, code)
    }

    /// How long to wait until another is asked: not at all, but many are not asked in one moment.
    pub(super) fn until_another(&self, pauses: &Pauses) -> Duration {
        if self.state().speakers.are_many_refused() { pauses.shortest } else { Duration::ZERO }
    }

    /// A push was applied, by way of this node or another. True: it may have crossed one of the other side, which was applied
    /// in another order there.
    pub(super) fn crosses(&self, here: bool) -> bool {
        let last = self.state().pushed.replace((here, Instant::now()));
        last.is_some_and(|(was_here, at)| was_here != here && at.elapsed() < CROSSING)
    }

    /// A reading's state.
    pub(super) fn read(&self, turn: &Turn, shown: Shown, freshness: &Freshness) -> News {
        self.state().read(self.id, turn, shown, freshness)
    }

    /// The same, and from now on the feed is for everybody. In one step: who comes later is shown this state, and nothing of
    /// one before, not as what it is a patch of either.
    pub(super) fn open(&self, turn: &Turn, shown: Shown, freshness: &Freshness) -> News {
        let mut state = self.state();
        state.scope = Scope::Public;
        let news = state.read(self.id, turn, shown.clone(), freshness);
        state.current = Some(Arc::new(Update::new(self.id, state.seq, shown, None)));
        news
    }

    /// A reading that found nothing new.
    pub(super) fn same(&self) -> News {
        let mut state = self.state();
        let what = state.unchanged();
        News { members: state.members(&what), what }
    }

    /// A state that somebody else told.
    pub(super) fn told(&self, shown: Shown) -> News {
        self.state().told(self.id, shown)
    }

    /// The same, by one who knows it of this scope only. `None`: by now others may see the feed.
    pub(super) fn told_in(&self, scope: Scope, shown: Shown) -> Option<News> {
        let mut state = self.state();
        (state.scope == scope).then(|| state.told(self.id, shown))
    }

    /// A reading that failed.
    pub(super) fn failed(&self, failure: Failure) -> News {
        let mut state = self.state();
        if failure.code == Code::NotFound && (state.current.is_some() || state.was) {
            (state.etag, state.last_modified) = (None, None);
            return state.show(self.id, Shown::Gone);
        }
        if matches!(failure.code, Code::Unauthorized | Code::Forbidden) {
            // Whoever binds with this credential from now on has no right to what it could see before.
            state.current = None;
            (state.etag, state.last_modified) = (None, None);
        }
        state.failures = state.failures.saturating_add(1);
        let known = state.failure.as_ref().is_some_and(|known| known.code == failure.code);
        state.failure = Some(failure.clone());
        let what = if known { What::Nothing } else { What::Failed(failure) };
        News { members: state.members(&what), what }
    }

    /// The pause before the next reading.
    pub(super) fn pause(
        &self,
        lifetime: Option<Duration>,
        asked: Option<Duration>,
        pauses: &Pauses,
    ) -> Duration {
        let state = self.state();
        if state.failures > 0 {
            let doubled = pauses.usual.saturating_mul(1 << state.failures.min(16).saturating_sub(1));
            return doubled.max(asked.unwrap_or_default()).min(pauses.longest);
        }
        if state.streaming {
            return pauses.longest;
        }
        lifetime.or(state.lifetime).unwrap_or(pauses.usual).clamp(pauses.shortest, pauses.longest)
    }
}

/// Between readings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    pub(crate) shortest: Duration,
    pub(crate) usual: Duration,
    pub(crate) longest: Duration,
}

impl State {
    fn members(&self, what: &What) -> Vec<Arc<Member>> {
        match what {
            What::Nothing => Vec::new(),
            _ => self.members.values().cloned().collect(),
        }
    }

    fn healthy(&mut self) -> What {
        self.failures = 0;
        match self.failure.take() {
            None => What::Nothing,
            Some(_) => What::Recovered(None),
        }
    }

    /// When clients' next reading may begin, if they have made one due.
    fn due(&self) -> Option<Instant> {
        // One that was overtaken has told nobody anything, so another is made up for at once.
        let due = if self.stale > 0 { Instant::now() } else { self.due };
        self.is_pending.then_some(due)
    }

    fn read(&mut self, feed: u64, turn: &Turn, shown: Shown, freshness: &Freshness) -> News {
        self.validated = turn.generation;
        self.etag.clone_from(&freshness.etag);
        self.last_modified.clone_from(&freshness.last_modified);
        self.lifetime = freshness.lifetime;
        self.show(feed, shown)
    }

    fn told(&mut self, feed: u64, shown: Shown) -> News {
        self.generation += 1;
        // They belong to what was read.
        (self.etag, self.last_modified) = (None, None);
        self.show(feed, shown)
    }

    fn unchanged(&mut self) -> What {
        let touched = std::mem::take(&mut self.touched);
        match (self.healthy(), &self.current) {
            (What::Nothing, Some(current)) if touched => What::Again(current.clone()),
            (what, _) => what,
        }
    }

    fn show(&mut self, feed: u64, shown: Shown) -> News {
        let unchanged = self.current.as_ref().is_some_and(|current| current.version() == shown.version());
        let what = if unchanged {
            self.unchanged()
        } else {
            let recovered = self.healthy();
            self.touched = false;
            let before = match self.current.take().as_deref() {
                Some(Update { shown: Shown::Value(document), .. }) => Some(document.clone()),
                _ => None,
            };
            self.seq += 1;
            let update = Arc::new(Update::new(feed, self.seq, shown, before));
            self.current = Some(update.clone());
            match recovered {
                What::Nothing => What::State(update),
                _ => What::Recovered(Some(update)),
            }
        };
        News { members: self.members(&what), what }
    }
}
