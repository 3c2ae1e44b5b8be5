//! A listener's stay in a channel, as the hook is told of it.

use std::sync::Arc;

use polysocket_outbound::Target;
use polysocket_socket::{CloseSummary, Sender};

use crate::Key;
use crate::channel::{Channel, Lifecycle};
use crate::gockets::Gockets;
use crate::hooks::{Delivery, Event, From};

/// How often the listeners of a channel that somebody has left are counted, `empty_after` apart. By default that is
/// longer than a dead node's listeners are believed in (`broker.lease_time`).
const EMPTY_LOOKS: u32 = 4;

/// One stay.
pub(crate) struct Visit {
    gockets: Gockets,
    /// As it was last seen.
    channel: Arc<Channel>,
    from: From,
}

impl Visit {
    /// It begins; its subscription has begun already.
    pub(crate) async fn begin(gockets: Gockets, channel: Arc<Channel>, answer_to: Option<Sender>) -> Self {
        let from = From { channel: channel.subscriber, client: Some(Key::random()), answer_to };
        if channel.settings.events.contains(Lifecycle::EMPTY)
            && let Err(error) = gockets.0.channels.visit(&channel.publisher).await
        {
            tracing::warn!(%error, "a visit could not be counted: its channel may be told empty twice, or not");
        }
        let visit = Self { gockets, channel, from };
        visit.tell(Lifecycle::CONNECT, Event::Connect, None);
        visit
    }

    /// The listener says something.
    pub(crate) async fn message(&mut self, text: bool, body: bytes::Bytes) {
        self.refresh().await;
        let outcome = match self.hook() {
            Some(hook) => {
                self.gockets.0.hooks.push(Delivery::message(&self.from, hook, text, body));
                "queued"
            }
            None => "no-hook",
        };
        self.gockets.0.metrics.messages.with_label_values(&[outcome]).inc();
    }

    /// It ends; its subscription has ended already.
    pub(crate) async fn end(mut self, how: Option<&CloseSummary>) {
        // A deleted channel's listeners go because of it; its owner knows.
        if !self.refresh().await {
            return;
        }
        self.tell(Lifecycle::DISCONNECT, Event::Disconnect, how);
        if self.channel.settings.events.contains(Lifecycle::EMPTY) && self.hook().is_some() {
            self.watch_for_empty().await;
        }
    }

    /// Looks at the channel anew; false when it has been deleted. When that cannot be seen, it is as it was.
    async fn refresh(&mut self) -> bool {
        match self.gockets.0.cached.by_subscriber(&self.channel.subscriber).await {
            Ok(Some(channel)) => self.channel = channel,
            Ok(None) => return false,
            Err(error) => tracing::debug!(%error, "the channel is taken as it was"),
        }
        true
    }

    fn hook(&self) -> Option<Target> {
        self.channel.settings.hook.as_deref().and_then(|hook| Target::parse_http(hook).ok())
    }

    fn tell(&self, asked: Lifecycle, event: Event, how: Option<&CloseSummary>) {
        if self.channel.settings.events.contains(asked)
            && let Some(hook) = self.hook()
        {
            self.gockets.0.hooks.push(Delivery::lifecycle(&self.from, hook, event, how));
        }
    }

    /// Tells that the channel is empty if it is, and nobody has told it.
    ///
    /// The number of visits is read first and the listeners are counted after a pause in which every node has learnt
    /// of the others' listeners: who came before the number was read is counted, and who came after makes it another.
    /// A count that is not 0 may be of listeners that go in this moment elsewhere, or of a node that has died: so it is
    /// looked at again, until such a node's share has been forgotten.
    async fn watch_for_empty(self) {
        let Self { gockets, channel, from } = self;
        let Ok(visits) = gockets.0.channels.visits(&channel.publisher).await else { return };
        let life = gockets.0.life.clone();
        life.spawn(async move {
            let topic = gockets.0.topic(&channel.subscriber);
            for _ in 0..EMPTY_LOOKS {
                gockets.0.hooks.pause(gockets.0.empty_after).await;
                match gockets.0.broker.subscribers(&topic).await {
                    Ok(0) => break,
                    Ok(_) if gockets.0.life.is_draining() => return,
                    Ok(_) => (),
                    Err(error) => return tracing::warn!(%error, "whether a channel is empty is not known"),
                }
                if gockets.0.channels.visits(&channel.publisher).await != Ok(visits) {
                    return;
                }
            }
            if !matches!(gockets.0.broker.subscribers(&topic).await, Ok(0)) {
                return;
            }
            if let Ok(true) = gockets.0.channels.vacate(&channel.publisher, visits).await
                && let Some(hook) =
                    channel.settings.hook.as_deref().and_then(|hook| Target::parse_http(hook).ok())
            {
                let from = From { client: None, answer_to: None, ..from };
                gockets.0.hooks.push(Delivery::lifecycle(&from, hook, Event::Empty, None));
            }
        });
    }
}
