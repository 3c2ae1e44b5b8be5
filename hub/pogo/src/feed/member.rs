//! One binder of a feed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_socket::Sender;
use tokio::sync::Notify;

use super::update::{Form, Style, Update, write_data};
use crate::access::{Credential, Scope};
use crate::document::Version;
use crate::wire::{Codec, Failure, Field, Name, fault, json, recovered};

/// Where frames go. Neither waits.
pub(crate) enum Out {
    /// Queues, or gives its connection up.
    Socket(Sender),
    /// Keeps the newest state only.
    Events(Arc<Slot>),
}

/// What waits for an event stream: the newest state, and the newest word on whether the resource can be read. An older
/// state that was not taken yet is of no use any more, so a slow reader costs one document.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    waiting: Mutex<(Option<Bytes>, Option<Bytes>)>,
    changed: Notify,
}

impl Slot {
    fn put(&self, state: Option<Bytes>, notice: Option<Bytes>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (old_state, old_notice) = &mut *waiting;
        if state.is_some() {
            *old_state = state;
        }
        if notice.is_some() {
            *old_notice = notice;
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next piece of the stream.
    pub(crate) async fn next(&self) -> Bytes {
        loop {
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let (state, notice) = &mut *waiting;
                if let Some(bytes) = state.take().or_else(|| notice.take()) {
                    return bytes;
                }
            }
            self.changed.notified().await;
        }
    }
}

/// One who is bound to a resource.
pub(crate) struct Member {
    pub(crate) id: u64,
    pub(crate) style: Style,
    out: Out,
    pub(crate) credential: Option<Credential>,
    inner: Mutex<Inner>,
    /// Its feed has come to know something, while it waits for that.
    pub(super) settled: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Of which feed it takes anything.
    feed: u64,
    /// Its bind has been answered.
    live: bool,
    /// The newest state of this feed that it knows.
    seq: u64,
    last: Option<Version>,
    /// States that it was sent.
    sends: u64,
    /// The last was the API's answer to its own write, and not read.
    unread: bool,
}

impl Member {
    /// One who knows `last` already; `live` where nobody waits for an answer to its bind.
    pub(crate) fn new(
        id: u64,
        style: Style,
        out: Out,
        credential: Option<Credential>,
        last: Option<Version>,
        live: bool,
    ) -> Self {
        let inner = Inner { live, last, ..Inner::default() };
        Self { id, style, out, credential, inner: Mutex::new(inner), settled: Notify::new() }
    }

    /// The scope that it asks in.
    pub(crate) fn scope(&self) -> Scope {
        self.credential.as_ref().map_or(Scope::Anonymous, Credential::scope)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it takes what this feed says, and nothing else; 0 is no feed.
    pub(super) fn moved(&self, feed: u64) {
        let mut inner = self.inner();
        inner.feed = feed;
        inner.seq = 0;
    }

    pub(crate) fn is_live(&self) -> bool {
        self.inner().live
    }

    /// Its bind is answered: `ack` goes out, then the state unless it is not wanted or known already. True: it was sent.
    pub(super) fn go_live(&self, ack: Option<Bytes>, update: &Update, snapshot: bool, path: &str) -> bool {
        let mut inner = self.inner();
        if inner.feed != update.feed {
            return false;
        }
        if let Some(ack) = ack {
            self.send_state(ack);
        }
        inner.live = true;
        if snapshot {
            return self.tell(&mut inner, update, path);
        }
        inner.last = Some(update.version());
        inner.seq = update.seq;
        false
    }

    /// Its bind is answered, and that is all.
    pub(super) fn acknowledge(&self, ack: Option<Bytes>) {
        if let Some(ack) = ack {
            self.send_state(ack);
        }
    }

    /// A state of its feed. True: it was sent.
    pub(super) fn update(&self, update: &Update, path: &str) -> bool {
        let mut inner = self.inner();
        inner.live && self.tell(&mut inner, update, path)
    }

    fn tell(&self, inner: &mut Inner, update: &Update, path: &str) -> bool {
        if inner.feed != update.feed || inner.seq >= update.seq {
            return false;
        }
        inner.seq = update.seq;
        inner.unread = false;
        if inner.last == Some(update.version()) {
            return false;
        }
        self.send_state(update.frame(path, self.style, inner.last));
        inner.last = Some(update.version());
        inner.sends += 1;
        true
    }

    fn send_state(&self, frame: Bytes) {
        match &self.out {
            Out::Socket(sender) => {
                sender.send(frame);
            }
            Out::Events(slot) => slot.put(Some(frame), None),
        }
    }

    /// Whether its resource can be read: not any more, for a reason, or again.
    pub(crate) fn notice(&self, feed: u64, failure: Option<&Failure>, path: &str) {
        let inner = self.inner();
        if !inner.live || inner.feed != feed {
            return;
        }
        match (&self.out, self.style) {
            (Out::Socket(sender), Style::Socket { dialect, codec, .. }) => {
                sender.send(match failure {
                    Some(failure) => fault(dialect, path, failure, codec),
                    None => recovered(dialect, path, codec),
                });
            }
            (Out::Events(slot), _) => slot.put(None, Some(notice_event(failure))),
            (Out::Socket(_), Style::Event) => {}
        }
    }

    /// States that it was sent so far.
    pub(crate) fn sends(&self) -> u64 {
        self.inner().sends
    }

    /// Sends the frame that answers its own write, which says the same as the update that follows: one of them is
    /// sent (P7). `before` is what [`sends`](Self::sends) said before the write.
    pub(crate) fn own_write(&self, version: Version, before: u64, frame: Bytes) {
        let mut inner = self.inner();
        let plain = matches!(self.style, Style::Socket { form: Form::Plain, .. });
        if plain && inner.sends > before && inner.last == Some(version) {
            return;
        }
        self.send_state(frame);
        if plain {
            inner.last = Some(version);
            inner.unread = true;
        }
    }

    /// After a write the resource was read, and is as it was. True: it was sent.
    pub(super) fn again(&self, update: &Update, path: &str) -> bool {
        let mut inner = self.inner();
        let wrong =
            inner.live && inner.unread && inner.feed == update.feed && inner.last != Some(update.version());
        inner.unread = false;
        if wrong {
            self.send_state(update.frame(path, self.style, inner.last));
            inner.last = Some(update.version());
            inner.seq = update.seq;
            inner.sends += 1;
        }
        wrong
    }

    /// One who asks for the same in the same way, but as somebody else, and knows what this one knows.
    pub(crate) fn successor(&self, id: u64, credential: Option<Credential>, out: Out) -> Self {
        let (last, live) = {
            let inner = self.inner();
            (inner.last, inner.live)
        };
        Self::new(id, self.style, out, credential, last, live)
    }
}

fn notice_event(failure: Option<&Failure>) -> Bytes {
    let Some(failure) = failure else { return Bytes::from_static(b"event: recovered\ndata: {}\n\n") };
    let mut fields = vec![(Name::Code, Field::Text(failure.code.word()))];
    fields.extend(failure.http.map(|status| (Name::HttpStatus, Field::Number(status.into()))));
    fields.push((Name::Message, Field::Text(&failure.message)));
    let mut out = b"event: fault\n".to_vec();
    write_data(&mut out, &json(&fields, Codec::default().short));
    out.push(b'\n');
    out.into()
}
