//! What happens in a topic, as its channel takes it: one after the other.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{BrokerError, History, Position, PresenceChange, Publication, Subscribed, Subscriber};

/// A subscription within its channel.
pub(crate) type SeatId = u64;

pub(crate) enum Event {
    /// The engine has heard of a message: perhaps not for the first time, perhaps with others missing before it.
    Heard(Arc<Publication>),
    /// The engine may have missed messages.
    Suspect,
    /// A reading the cursor has asked for, by its number.
    Read(u64, History),
    /// Members have changed.
    Presence(PresenceChange),
    /// The topic was deleted; the next one begins here.
    Removed(Position),
    /// Somebody subscribes.
    Join(Box<Join>),
    /// What one who joins has missed, or none when that cannot be known.
    Missed(SeatId, Option<History>),
    /// Somebody has gone.
    Leave(SeatId),
}

pub(crate) struct Join {
    pub seat: SeatId,
    pub subscriber: Arc<dyn Subscriber>,
    pub since: Option<Position>,
    pub answer: oneshot::Sender<Joined>,
}

/// What one who joins is answered.
#[derive(Debug)]
pub(crate) enum Joined {
    /// It is subscribed, and has been told so.
    Subscribed(Subscribed),
    /// First its history since then has to be read, and handed in as [`Event::Missed`]; the next answer comes here.
    Read(oneshot::Receiver<Joined>),
    /// It is not.
    Refused(BrokerError),
}

impl Event {
    /// What it costs to keep it waiting, bytes; only messages count.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Heard(publication) => publication.payload.len() + HEARD_BYTES,
            _ => 0,
        }
    }
}

/// A publication without its payload, about.
const HEARD_BYTES: usize = 256;
