//! Answering a bind: when it is known what the resource is, and not before.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::timeout;

use super::Feeds;
use super::member::Member;
use super::news::Known;
use super::update::Shown;
use crate::wire::{Code, Failure};

impl Feeds {
    /// Waits until it is known what the resource is, then sends `ack` and the state; from then on `replaces` is bound no
    /// more. An error: it is not bound, and `replaces` is as before.
    pub(crate) async fn settled(
        &self,
        member: &Arc<Member>,
        ack: Option<Bytes>,
        snapshot: bool,
        replaces: Option<&Member>,
    ) -> Result<(), Failure> {
        let settling = self.settling(member, ack, snapshot, replaces);
        let settled = timeout(self.0.parts.upstream.within() * 2, settling);
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
        replaces: Option<&Member>,
    ) -> Result<(), Failure> {
        // The feed, and the reading of it that was the last before: that there is nothing is believed of later ones only.
        let mut looked = None;
        loop {
            let Some(feed) = self.feed_of(member)? else {
                // Another bind of the same path has taken its place, and is told the state.
                member.acknowledge(ack);
                return Ok(());
            };
            let read = feed.read_done.notified();
            let nothing = match feed.known() {
                Known::State(update, _) if update.shown == Shown::Gone => {
                    Some(Failure::new(Code::NotFound, "there is nothing at this path"))
                }
                Known::State(update, failure) => {
                    if let Some(old) = replaces {
                        self.detach(old);
                    }
                    if failure.is_some() {
                        // The last value is what there is; whether there is another is found out at once.
                        feed.wake.notify_one();
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
                    continue;
                }
                Known::Failure(failure) => Some(failure),
                Known::Nothing => None,
            };
            let after = match looked {
                Some((id, after)) if id == feed.id => after,
                _ if nothing.is_some() => {
                    feed.wake.notify_one();
                    feed.begun()
                }
                _ => 0,
            };
            looked = Some((feed.id, after));
            if let Some(failure) = nothing
                && feed.done() > after
            {
                return Err(failure);
            }
            tokio::select! {
                () = read => {}
                () = member.settled.notified() => {}
            }
        }
    }
}
