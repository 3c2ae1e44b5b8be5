//! What a subscription gets.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_broker::{Position, PresenceChange, Publication, Subscribed, Subscriber, Topic};
use polysocket_service::metrics::IntCounter;
use polysocket_socket::text_frame;

use super::hub::Hub;
use super::link::Link;
use crate::wire::{self, COPY, NUMBERED};

/// One subscription of one connection.
pub(super) struct Feed {
    link: Arc<Link>,
    /// Its frames have offsets, and it is told of gaps.
    numbered: bool,
    /// It is told who comes and goes.
    watches: bool,
    ended: AtomicBool,
    gaps: IntCounter,
    /// Messages up to this offset are what was missed; set before the first of them.
    past_until: AtomicU64,
    /// What was missed, until the answer is sent. All of it or nothing: a client that was away for long would get more
    /// than may be queued for it, be given up as too slow, come back, and be given the same again.
    past: Mutex<Past>,
}

enum Past {
    /// What is there, and its bytes.
    Collected(Vec<Bytes>, usize),
    /// It was more than may be given at once.
    TooMuch,
    /// The answer has been sent; what comes goes straight on.
    Given,
}

impl Feed {
    pub(super) fn new(link: &Arc<Link>, hub: &Hub, numbered: bool, watches: bool) -> Self {
        Self {
            link: link.clone(),
            numbered,
            watches,
            ended: AtomicBool::new(false),
            gaps: hub.node.metrics.gaps.clone(),
            past_until: AtomicU64::new(0),
            past: Mutex::new(Past::Collected(Vec::new(), 0)),
        }
    }

    /// Nothing of it comes after this returns.
    pub(super) fn end(&self) {
        self.link.end(&self.ended);
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was missed; none when that is more than may be given at once.
    pub(super) fn take_past(&self) -> Option<Vec<Bytes>> {
        match std::mem::replace(&mut *self.past(), Past::Given) {
            Past::Collected(frames, _) => Some(frames),
            Past::TooMuch => None,
            Past::Given => Some(Vec::new()),
        }
    }

    /// Keeps a message for [`take_past`](Self::take_past), if it is of the past.
    fn keep(&self, offset: u64, frame: &Bytes) -> bool {
        if offset > self.past_until.load(Ordering::Acquire) {
            return false;
        }
        let mut past = self.past();
        match &mut *past {
            Past::Collected(frames, bytes) => {
                *bytes += frame.len();
                if *bytes > self.link.past_bytes_max() {
                    *past = Past::TooMuch;
                } else {
                    frames.push(frame.clone());
                }
                true
            }
            Past::TooMuch => true,
            Past::Given => false,
        }
    }
}

impl Subscriber for Feed {
    /// The conversation answers, with what it knows beside this; until then everything waits.
    fn subscribed(&self, _topic: &Topic, at: &Subscribed) {
        self.past_until.store(at.position.offset, Ordering::Release);
    }

    fn deliver(&self, publication: &Arc<Publication>) {
        if !self.numbered {
            return self.link.pass(&self.ended, publication.frame(COPY, wire::plain).clone());
        }
        let frame = publication.frame(NUMBERED, wire::numbered);
        if !self.keep(publication.offset, frame) {
            self.link.pass(&self.ended, frame.clone());
        }
    }

    /// A client of the original protocol has no word for this: there, what was lost was lost.
    fn gap(&self, topic: &Topic, from: &Position) {
        self.gaps.inc();
        if self.numbered {
            let text = wire::gap(topic.name(), from.epoch.as_str(), from.offset);
            self.link.pass(&self.ended, text_frame(&text));
        }
    }

    fn presence(&self, topic: &Topic, change: &PresenceChange) {
        if !self.watches {
            return;
        }
        let text = match change {
            PresenceChange::Joined(member) => wire::presence("joined", topic.name(), &member.info),
            PresenceChange::Left(member) => wire::presence("left", topic.name(), &member.info),
            PresenceChange::Unknown => wire::presence("present", topic.name(), "null"),
        };
        self.link.pass(&self.ended, text_frame(&text));
    }
}
