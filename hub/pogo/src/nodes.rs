//! What the nodes of a cluster tell each other: what was written or pushed by way of one of them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use polysocket_broker::{
    Broker, BrokerError, Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Topic,
};
use polysocket_service::Lifecycle;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::document::Document;
use crate::feed::{Audience, Cause, Feeds};

/// Between attempts to subscribe, while the broker is away.
const AGAIN: Duration = Duration::from_secs(1);
/// Changes of other nodes that wait; where there are more, everything is read anew.
const WAITING_MAX: usize = 1_024;

/// Told to the other nodes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Change {
    node: String,
    path: String,
    /// Why it is read again, unless it is `pushed`.
    #[serde(default)]
    cause: Cause,
    /// A backend has said what it is now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pushed: bool,
    /// To everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    public: bool,
    /// Not for everybody, whatever was said before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    /// Absent with `pushed`: it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

/// The other nodes, if there are any.
pub(crate) struct Nodes {
    broker: Broker,
    topic: Topic,
    node: String,
}

/// A random text of 128 bits.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without the system's randomness there is no TLS and nothing of what this protects.
        rand::Rng::fill(&mut rand::rng(), &mut bytes);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Nodes {
    /// Follows what others tell.
    pub(crate) fn start(broker: Broker, topic: Topic, feeds: Feeds, life: &Lifecycle) -> Self {
        let node = random_id();
        let (told, changes) = mpsc::channel(WAITING_MAX);
        let ear = Arc::new(Ear { node: node.clone(), told });
        life.spawn(follow(broker.clone(), topic.clone(), ear, changes, feeds, life.clone()));
        Self { broker, topic, node }
    }

    /// A path was touched.
    pub(crate) async fn tell_touched(&self, path: &str, cause: Cause) {
        self.tell(&Change { node: self.node.clone(), path: path.into(), cause, ..Change::default() }).await;
    }

    /// A backend has pushed.
    pub(crate) async fn tell_pushed(
        &self,
        path: &str,
        document: Option<&Document>,
        audience: Option<Audience>,
    ) {
        let public = audience == Some(Audience::Everybody);
        // What nobody believes nobody is told.
        let data = document.filter(|_| public);
        let data = data.and_then(|document| serde_json::from_slice(document.raw()).ok());
        let private = audience == Some(Audience::Private);
        let (node, path) = (self.node.clone(), path.into());
        let mut change = Change { node, path, cause: Cause::Told, pushed: true, public, private, data };
        if let Err(BrokerError::TooLong { .. }) = self.publish(&change).await {
            change = Change { pushed: false, data: None, ..change };
            self.tell(&change).await;
        }
    }

    async fn tell(&self, change: &Change) {
        // Without the broker the others find out by their polls.
        if let Err(error) = self.publish(change).await {
            tracing::warn!(%error, "other nodes could not be told of a change");
        }
    }

    async fn publish(&self, change: &Change) -> Result<(), BrokerError> {
        let payload = serde_json::to_vec(change).unwrap_or_default();
        self.broker.publish(&self.topic, Kind::Text, payload.into()).await.map(drop)
    }
}

struct Ear {
    node: String,
    told: mpsc::Sender<Option<Change>>,
}

impl Ear {
    fn put(&self, change: Option<Change>) {
        // A full queue ends in reading everything, which is what the follower does when it has been away.
        if self.told.try_send(change).is_err() {
            tracing::warn!("more changes of other nodes than can be followed: polls will find them");
        }
    }
}

impl Subscriber for Ear {
    fn subscribed(&self, _topic: &Topic, _at: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        match serde_json::from_slice::<Change>(&publication.payload) {
            Ok(change) if change.node == self.node => {}
            Ok(change) => self.put(Some(change)),
            Err(error) => {
                tracing::warn!(%error, "a message of another node is not understood; is it of another version?");
            }
        }
    }

    fn gap(&self, _topic: &Topic, _from: &Position) {
        self.put(None);
    }
}

async fn follow(
    broker: Broker,
    topic: Topic,
    ear: Arc<Ear>,
    mut changes: mpsc::Receiver<Option<Change>>,
    feeds: Feeds,
    life: Lifecycle,
) {
    let subscription = loop {
        match broker.subscribe(&topic, ear.clone(), SubscribeOptions::default()).await {
            Ok(subscription) => break subscription,
            Err(error) => tracing::warn!(%error, "changes of other nodes cannot be followed yet"),
        }
        tokio::select! {
            () = sleep(AGAIN) => {}
            () = life.stopping() => return,
        }
    };
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = life.stopping() => break,
        };
        match change {
            Some(Some(change)) if change.pushed => {
                let audience = match (change.public, change.private) {
                    (true, false) => Some(Audience::Everybody),
                    (_, true) => Some(Audience::Private),
                    _ => None,
                };
                let document = change.data.map(|data| Document::parse(Bytes::from(data.get().to_owned())));
                match document {
                    Some(None) => feeds.touch(&change.path, Cause::Told),
                    document => feeds.pushed(&change.path, document.flatten(), audience, false).await,
                }
            }
            Some(Some(change)) => feeds.touch(&change.path, change.cause),
            Some(None) => feeds.touch_all(),
            None => break,
        }
    }
    drop(subscription);
}
