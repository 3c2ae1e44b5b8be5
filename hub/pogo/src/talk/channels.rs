//! Channels: events from client to client (P12).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use polysocket_broker::{
    BrokerError, Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Topic,
};
use polysocket_socket::{Sender, text_frame};
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{Client, Reply};
use crate::nodes::random_id;
use crate::pogo::Pogo;
use crate::wire::{Code, Codec, Failure, Field, Name, channel_gap, channel_message, json};

/// Length of a sender's id, which stands before the event.
const SENDER_BYTES: usize = 22;
/// Encodings that are kept with a message; the short ones are for few.
const AS_JSON: usize = 0;
const AS_MSGPACK: usize = 1;

fn topic(pogo: &Pogo, channel: &str) -> Topic {
    Topic::new(pogo.0.space.clone(), format!("channel:{channel}"))
}

fn unavailable(error: &BrokerError) -> Failure {
    tracing::warn!(%error, "a channel could not be used");
    match error {
        BrokerError::TooLong { .. } => Failure::bad(format!("the event is too long: {error}")),
        _ => Failure::new(Code::Unavailable, "channels cannot be used now; try again"),
    }
}

/// Sends an event to all in a channel, other than the sender. `data` is JSON.
pub(crate) async fn publish(
    pogo: &Pogo,
    sender: Option<&str>,
    event: &str,
    channel: &str,
    data: Option<&[u8]>,
) -> Result<(), Failure> {
    // Those who listen in MessagePack get it as well.
    if data.is_some_and(|data| serde_json::from_slice::<Value>(data).is_err()) {
        return Err(Failure::bad(
            "`data` cannot be sent on: half a surrogate pair, a number beyond a double, or over 128 levels deep",
        ));
    }
    let sender = sender.map_or_else(random_id, str::to_owned);
    let mut fields = vec![(Name::Event, Field::Text(event)), (Name::Channel, Field::Text(channel))];
    fields.extend(data.map(|data| (Name::Data, Field::Json(data))));
    let mut payload = sender.into_bytes();
    payload.extend_from_slice(&json(&fields, false));
    let published = pogo.0.broker.publish(&topic(pogo, channel), Kind::Text, payload.into()).await;
    published.map_err(|error| unavailable(&error))?;
    pogo.0.metrics.channel_events.inc();
    Ok(())
}

impl Client {
    pub(super) async fn subscribe(&self, reply: &Reply, channel: String) -> Result<(), Failure> {
        let max = self.pogo.0.config.channels_max;
        {
            let state = self.state();
            if !state.channels.contains_key(&channel) && state.channels.len() >= max {
                return Err(Failure::new(
                    Code::TooManyBinds,
                    format!("a connection subscribes to at most {max} channels"),
                ));
            }
            if state.channels.contains_key(&channel) {
                drop(state);
                self.ack_if_asked(reply);
                return Ok(());
            }
        }
        let listener = Listener {
            sender: self.sender.clone(),
            own: self.id.clone(),
            codec: self.codec(),
            channel: channel.clone(),
        };
        let topic = topic(&self.pogo, &channel);
        let subscription =
            self.pogo.0.broker.subscribe(&topic, Arc::new(listener), SubscribeOptions::default()).await;
        let subscription = subscription.map_err(|error| unavailable(&error))?;
        self.state().channels.insert(channel, subscription);
        self.ack_if_asked(reply);
        Ok(())
    }

    pub(super) fn unsubscribe(&self, reply: &Reply, channel: &str) {
        let subscription = self.state().channels.remove(channel);
        drop(subscription);
        self.ack_if_asked(reply);
    }

    pub(super) async fn say(
        &self,
        reply: &Reply,
        event: &str,
        channel: &str,
        data: Option<&RawValue>,
    ) -> Result<(), Failure> {
        let data = data.map(|data| data.get().as_bytes());
        publish(&self.pogo, Some(&self.id), event, channel, data).await?;
        self.ack_if_asked(reply);
        Ok(())
    }

    /// The original's clients expect no answer.
    fn ack_if_asked(&self, reply: &Reply) {
        if reply.id.is_some() {
            self.ack(reply, None);
        }
    }
}

/// A client in a channel.
struct Listener {
    sender: Sender,
    own: String,
    codec: Codec,
    channel: String,
}

impl Subscriber for Listener {
    fn subscribed(&self, _topic: &Topic, _at: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        let Some((sender, event)) = publication.payload.split_at_checked(SENDER_BYTES) else { return };
        if sender == self.own.as_bytes() {
            return;
        }
        let again = |_: &Publication| encode_again(event, self.codec);
        let frame = match (self.codec.binary, self.codec.short) {
            (false, false) => publication.frame(AS_JSON, |_| text_frame(event)).clone(),
            (true, false) => publication.frame(AS_MSGPACK, again).clone(),
            (_, true) => encode_again(event, self.codec),
        };
        self.sender.send(frame);
    }

    fn gap(&self, _topic: &Topic, _from: &Position) {
        self.sender.send(channel_gap(&self.channel, self.codec));
    }
}

fn encode_again(event: &[u8], codec: Codec) -> Bytes {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(event).unwrap_or_default();
    let text = |name: &str| -> String {
        members.get(name).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
    };
    let data = members.get("data").map(|data| data.get().as_bytes());
    channel_message(&text("event"), &text("channel"), data, codec)
}
