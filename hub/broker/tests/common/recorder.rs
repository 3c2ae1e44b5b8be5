//! A subscriber that writes down what it is told.

use std::sync::{Arc, Mutex};

use polysocket_broker::{
    Broker, Member, Position, PresenceChange, Publication, SubscribeOptions, Subscribed, Subscriber,
    Subscription, Topic,
};
use polysocket_tests::patience::PATIENCE;
use tokio::sync::watch;
use tokio::time::timeout;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Subscribed(Subscribed),
    Message(Position, String),
    Gap(Position),
    Presence(PresenceChange),
    Removed,
}

pub struct Recorder {
    log: Mutex<Vec<Heard>>,
    length: watch::Sender<usize>,
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), length: watch::Sender::default() })
    }

    fn write(&self, heard: Heard) {
        self.log.lock().unwrap().push(heard);
        // Not under the lock: who waits looks at the log while it holds this one's.
        self.length.send_modify(|length| *length += 1);
    }

    pub fn log(&self) -> Vec<Heard> {
        self.log.lock().unwrap().clone()
    }

    /// Texts of the messages.
    pub fn texts(&self) -> Vec<String> {
        self.messages().into_iter().map(|(_, text)| text).collect()
    }

    pub fn messages(&self) -> Vec<(Position, String)> {
        let message = |heard| match heard {
            Heard::Message(position, text) => Some((position, text)),
            _ => None,
        };
        self.log().into_iter().filter_map(message).collect()
    }

    pub fn gaps(&self) -> usize {
        self.log().iter().filter(|heard| matches!(heard, Heard::Gap(_))).count()
    }

    /// Waits until the log is so.
    pub async fn until(&self, what: &str, so: impl Fn(&[Heard]) -> bool) {
        let mut length = self.length.subscribe();
        let waited = timeout(PATIENCE, length.wait_for(|_| so(&self.log.lock().unwrap()))).await;
        assert!(waited.is_ok(), "not in {PATIENCE:?}: {what}; heard {:?}", self.log());
    }

    pub async fn until_text(&self, text: &str) {
        self.until(text, |log| log.iter().any(|heard| matches!(heard, Heard::Message(_, t) if t == text)))
            .await;
    }

    pub async fn until_messages(&self, count: usize) {
        let is = |heard: &&Heard| matches!(heard, Heard::Message(..));
        self.until(&format!("{count} messages"), |log| log.iter().filter(is).count() >= count).await;
    }

    /// Every message has the next offset in its turn, from where it was subscribed, or a gap said otherwise; whatever
    /// the epoch is called.
    pub fn assert_in_order(&self) {
        let mut at: Option<u64> = None;
        for heard in self.log() {
            match heard {
                Heard::Subscribed(subscribed) if subscribed.recovered != Some(true) => {
                    assert!(at.is_none(), "told once, and first");
                    at = Some(subscribed.position.offset);
                }
                Heard::Subscribed(_) => assert!(at.is_none(), "told once, and first"),
                Heard::Message(position, text) => {
                    assert!(
                        at.is_none_or(|at| position.offset == at + 1),
                        "{position} {text} after {at:?}: {:?}",
                        self.log()
                    );
                    at = Some(position.offset);
                }
                Heard::Gap(position) => at = Some(position.offset),
                Heard::Presence(_) | Heard::Removed => (),
            }
        }
    }
}

impl Subscriber for Recorder {
    fn subscribed(&self, _topic: &Topic, at: &Subscribed) {
        self.write(Heard::Subscribed(at.clone()));
    }
    fn deliver(&self, publication: &Arc<Publication>) {
        let text = String::from_utf8_lossy(&publication.payload).into_owned();
        self.write(Heard::Message(publication.position(), text));
    }
    fn gap(&self, _topic: &Topic, from: &Position) {
        self.write(Heard::Gap(from.clone()));
    }
    fn presence(&self, _topic: &Topic, change: &PresenceChange) {
        self.write(Heard::Presence(change.clone()));
    }
    fn removed(&self, _topic: &Topic) {
        self.write(Heard::Removed);
    }
}

/// A recorder that subscribes.
pub async fn listen(broker: &Broker, topic: &Topic) -> (Arc<Recorder>, Subscription) {
    listen_with(broker, topic, SubscribeOptions::default()).await
}

pub async fn listen_since(broker: &Broker, topic: &Topic, since: &Position) -> (Arc<Recorder>, Subscription) {
    listen_with(broker, topic, SubscribeOptions { since: Some(since.clone()), member: None }).await
}

pub async fn listen_as(
    broker: &Broker,
    topic: &Topic,
    id: &str,
    info: &str,
) -> (Arc<Recorder>, Subscription) {
    let member = Some(Member { id: id.into(), info: info.into() });
    listen_with(broker, topic, SubscribeOptions { since: None, member }).await
}

async fn listen_with(
    broker: &Broker,
    topic: &Topic,
    options: SubscribeOptions,
) -> (Arc<Recorder>, Subscription) {
    let recorder = Recorder::new();
    let subscription = broker.subscribe(topic, recorder.clone(), options).await.unwrap();
    (recorder, subscription)
}
