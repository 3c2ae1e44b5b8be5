//! The channels one connection is subscribed to.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use polysocket_broker::{Epoch, Member, Position, SubscribeOptions, Subscription};
use serde_json::value::RawValue;

use super::feed::Feed;
use super::hub::Hub;
use super::inbox::random_hex;
use super::link::Link;
use crate::access::Session;
use crate::wire::{Appearance, Joined, Limit, Reason, Reply, Resume, Since, Subscribe};

/// By the name of the channel.
#[derive(Default)]
pub(super) struct Subscriptions {
    by_channel: HashMap<Box<str>, Entry>,
    /// What others see in the place of the connection; made when it first shows itself.
    member_id: Option<Arc<str>>,
}

struct Entry {
    feed: Arc<Feed>,
    hub: Arc<Hub>,
    _subscription: Subscription,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.feed.end();
        self.hub.node.metrics.subscriptions.dec();
    }
}

/// What a subscription begins with, for the answer.
pub(super) struct Begun {
    channel: String,
    /// Numbered: position, and whether what was missed follows.
    at: Option<(Position, Option<bool>)>,
    members: Option<(String, u64)>,
    /// What was missed, in frames.
    past: Vec<Bytes>,
}

impl Begun {
    /// That a channel is subscribed to, and nothing else.
    fn plainly(channel: String) -> Self {
        Self { channel, at: None, members: None, past: Vec::new() }
    }

    /// What comes right after the answer.
    pub(super) fn take_past(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.past)
    }

    pub(super) fn reply(&self) -> Reply<'_> {
        let joined = self.at.as_ref().map(|(position, recovered)| Joined {
            epoch: position.epoch.as_str(),
            offset: position.offset,
            recovered: *recovered,
        });
        let members = self.members.as_ref().map(|(list, present)| (list.as_str(), *present));
        Reply::Subscribed { channel: &self.channel, joined, members }
    }
}

impl Subscriptions {
    pub(super) fn has(&self, channel: &str) -> bool {
        self.by_channel.contains_key(channel)
    }

    pub(super) fn end(&mut self, channel: &str) {
        self.by_channel.remove(channel);
    }

    /// Ends all others.
    pub(super) fn keep(&mut self, may_stay: impl Fn(&str) -> bool) {
        self.by_channel.retain(|channel, _| may_stay(channel));
    }

    pub(super) fn end_all(&mut self) {
        self.by_channel = HashMap::new();
    }

    /// Subscribes. A channel that is subscribed already stays as it is, unless it is asked for in another way.
    pub(super) async fn begin(
        &mut self,
        want: Subscribe<'_>,
        session: &Session,
        hub: &Arc<Hub>,
        link: &Arc<Link>,
    ) -> Result<Begun, Reason> {
        let Subscribe { channel, since, presence } = want;
        let limits = &hub.node.config;
        let limit = |name, max: usize| Reason::Limit(Limit { name, max: max as u64 });
        if !hub.name_fits(&channel) {
            return Err(limit("channel_name_bytes_max", limits.channel_name_bytes_max.as_usize()));
        }
        if !session.may_read(&channel) {
            return Err(Reason::Denied);
        }
        let is_new = !self.has(&channel);
        let numbered = since != Since::Plain;
        if !is_new && !numbered && presence.is_none() {
            return Ok(Begun::plainly(channel));
        }
        if is_new && self.by_channel.len() >= limits.channels_per_connection_max {
            return Err(limit("channels_per_connection_max", limits.channels_per_connection_max));
        }
        let topic = hub.channel(&channel);
        if is_new {
            hub.create(&topic, session).await?;
        }
        let member = presence.map(|shown| self.member(session, shown, hub)).transpose()?;
        let watches = member.is_some();
        let position = match &since {
            Since::Then(resume) => position(resume),
            Since::Plain | Since::Now => None,
        };
        // No broker has ever made such an epoch: what was missed cannot be had.
        let in_vain = matches!(since, Since::Then(_)) && position.is_none();
        let options = SubscribeOptions { since: position, member };
        let feed = Arc::new(Feed::new(link, hub, numbered, watches));
        link.hold();
        // What was before delivers nothing any more, so that nothing comes twice; but it is given up only at the end, so
        // that others do not see the member go and come.
        let before = self.by_channel.remove(channel.as_str());
        if let Some(before) = &before {
            before.feed.end();
        }
        let subscribed = hub.node.broker.subscribe(&topic, feed.clone(), options).await;
        let subscription = subscribed.map_err(|error| hub.reason(&error))?;
        let at = subscription.at();
        let position = at.position.clone();
        let mut recovered = if in_vain { Some(false) } else { at.recovered };
        hub.node.metrics.subscriptions.inc();
        let entry = Entry { feed: feed.clone(), hub: hub.clone(), _subscription: subscription };
        self.by_channel.insert(channel.as_str().into(), entry);
        drop(before);
        let members = if watches {
            let members = match hub.node.broker.members(&topic).await {
                Ok(members) => members,
                Err(error) => {
                    self.end(&channel);
                    return Err(hub.reason(&error));
                }
            };
            Some((list(&members, limits.members_listed_max), members.len() as u64))
        } else {
            None
        };
        let past = feed.take_past();
        if past.is_none() {
            recovered = Some(false);
        }
        let at = numbered.then_some((position, recovered));
        Ok(Begun { channel, at, members, past: past.unwrap_or_default() })
    }

    /// How the connection shows itself: `{"id":I,"user":U,"data":D}`.
    fn member(&mut self, session: &Session, shown: Appearance<'_>, hub: &Hub) -> Result<Member, Reason> {
        let max = hub.node.config.member_data_bytes_max.as_usize();
        if shown.data.is_some_and(|data| data.len() > max) {
            return Err(Reason::Limit(Limit { name: "member_data_bytes_max", max: max as u64 }));
        }
        let id = match &self.member_id {
            Some(id) => id.clone(),
            None => self.member_id.insert(random_hex::<8>()?.into()).clone(),
        };
        let info = crate::wire::member(&id, &session.user.name, shown.data);
        Ok(Member { id, info: info.into() })
    }
}

/// Where a client was; none when it gives back what no broker gave it.
fn position(resume: &Resume) -> Option<Position> {
    Epoch::parse(&resume.epoch).map(|epoch| Position { epoch, offset: resume.offset })
}

/// The first members, as a JSON list of what they are shown as.
fn list(members: &[Member], max: usize) -> String {
    let infos =
        members.iter().take(max).filter(|member| serde_json::from_str::<&RawValue>(&member.info).is_ok());
    let infos: Vec<&str> = infos.map(|member| &*member.info).collect();
    format!("[{}]", infos.join(","))
}
