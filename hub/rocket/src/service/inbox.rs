//! Where a connection gets direct messages: a topic of its own, named by its token, so that any node reaches it.

use std::fmt::Write;
use std::sync::Arc;

use polysocket_broker::{SubscribeOptions, Subscription, Topic};

use super::feed::Feed;
use super::hub::Hub;
use super::link::Link;
use crate::wire::Reason;

/// 160 bits in hex, as long as the original's: who has it can write to the connection, so nobody may guess it.
const TOKEN_BYTES: usize = 20;

/// The inbox of a connection that asked for its token, or has written to somebody who may want to answer.
pub(super) struct Inbox {
    pub(super) token: String,
    topic: Topic,
    feed: Arc<Feed>,
    hub: Arc<Hub>,
    subscription: Subscription,
}

impl Inbox {
    pub(super) async fn open(hub: &Arc<Hub>, link: &Arc<Link>) -> Result<Self, Reason> {
        let token = random_hex::<TOKEN_BYTES>()?;
        let topic = hub.inbox(&token);
        let feed = Arc::new(Feed::new(link, hub, false, false));
        let subscribed = hub.node.broker.subscribe(&topic, feed.clone(), SubscribeOptions::default()).await;
        let subscription = subscribed.map_err(|error| hub.reason(&error))?;
        Ok(Self { token, topic, feed, hub: hub.clone(), subscription })
    }

    /// Nobody has the token any more.
    pub(super) async fn close(self) {
        let Self { topic, feed, hub, subscription, .. } = self;
        feed.end();
        // What is not held any more is given up at once.
        drop(subscription);
        if let Err(error) = hub.node.broker.retire(&topic).await {
            // It is forgotten by its age then.
            tracing::debug!(hub = %hub.path, %error, "an inbox was not forgotten");
        }
    }
}

/// Whether this could be a token: nothing else is looked up.
pub(super) fn is_token(text: &str) -> bool {
    text.len() == 2 * TOKEN_BYTES
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}

/// Random bytes in lower hex.
pub(super) fn random_hex<const BYTES: usize>() -> Result<String, Reason> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Reason::Unavailable)?;
    let mut text = String::with_capacity(2 * BYTES);
    for byte in bytes {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
