//! Listening by WebSocket: each published message is one frame with nothing around it, each message of the listener
//! goes to the hook.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use polysocket_broker::{
    Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Subscription, Topic,
};
use polysocket_service::metrics::IntCounter;
use polysocket_socket::{
    CloseSummary, Conversation, Incoming, Refusal as SocketRefusal, Sender, binary_frame, text_frame,
};

use super::AS_FRAME;
use super::visit::Visit;
use crate::answer::{Refusal, Status};
use crate::channel::Channel;
use crate::gockets::Gockets;

/// The channel was deleted (G9).
const DELETED: (u16, &str) = (1000, "channel closed");
/// Messages were lost, and a frame that said so would be taken for one. The client may come back.
const LOST: (u16, &str) = (4000, "messages were lost");

/// Subscribes first and shakes hands then: whoever sees the connection open does not miss what is published next,
/// and whoever cannot be subscribed is told so by a status.
pub(crate) async fn serve(
    gockets: &Gockets,
    channel: Channel,
    mut request: Request,
) -> Result<Response, Refusal> {
    let listener = Arc::new(Listener {
        state: Mutex::new(State::Early(Early::default())),
        gaps: gockets.0.metrics.gaps.clone(),
        queue_bytes_max: gockets.0.queue_bytes_max,
    });
    let topic = gockets.0.topic(&channel.subscriber);
    let subscription =
        gockets.0.broker.subscribe(&topic, listener.clone(), SubscribeOptions::default()).await?;
    let make = {
        let gockets = gockets.clone();
        move |sender: Sender| {
            listener.open(sender.clone());
            Talk {
                gockets,
                channel: Arc::new(channel),
                sender,
                subscription: Some(subscription),
                visit: None,
            }
        }
    };
    match gockets.0.sockets.accept(&mut request, make) {
        Ok(response) => Ok(response.map(|()| Body::empty())),
        Err(refusal @ SocketRefusal::NotAWebSocket(_)) => {
            Err(Status::err(StatusCode::BAD_REQUEST, refusal.to_string()).into())
        }
        Err(refusal) => Err(Refusal::Unavailable(refusal.to_string())),
    }
}

/// The connection as the broker sees it.
struct Listener {
    // Held for moments; calls of the broker do not wait for each other.
    state: Mutex<State>,
    gaps: IntCounter,
    /// As much as may be queued for an open connection may come before it is open.
    queue_bytes_max: usize,
}

enum State {
    /// The handshake is not over.
    Early(Early),
    /// It was ended before it began.
    Ended((u16, &'static str)),
    /// It is open, or was.
    Open(Sender),
}

/// Frames that came before the handshake was over.
#[derive(Default)]
struct Early {
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Listener {
    fn open(&self, sender: Sender) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Early(early) => {
                for frame in early.frames.drain(..) {
                    sender.send(frame);
                }
            }
            State::Ended((code, reason)) => sender.close(*code, reason),
            State::Open(_) => (),
        }
        *state = State::Open(sender);
    }

    fn end(&self, (code, reason): (u16, &'static str)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Early(_) => *state = State::Ended((code, reason)),
            State::Open(sender) => sender.close(code, reason),
            State::Ended(_) => (),
        }
    }
}

impl Subscriber for Listener {
    fn subscribed(&self, _topic: &Topic, _at: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        let frame = publication.frame(AS_FRAME, |publication| match publication.kind {
            Kind::Text => text_frame(&publication.payload),
            Kind::Binary => binary_frame(&publication.payload),
        });
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Open(sender) => {
                sender.send(frame.clone());
            }
            State::Early(early) => {
                early.bytes += frame.len();
                if early.bytes > self.queue_bytes_max {
                    *state = State::Ended(LOST);
                } else {
                    early.frames.push(frame.clone());
                }
            }
            State::Ended(_) => (),
        }
    }

    fn gap(&self, _topic: &Topic, _from: &Position) {
        self.gaps.inc();
        self.end(LOST);
    }

    fn removed(&self, _topic: &Topic) {
        self.end(DELETED);
    }
}

/// The connection's task.
struct Talk {
    gockets: Gockets,
    channel: Arc<Channel>,
    sender: Sender,
    subscription: Option<Subscription>,
    visit: Option<Visit>,
}

impl Conversation for Talk {
    async fn opened(&mut self) {
        let sender = self.sender.clone();
        self.visit = Some(Visit::begin(self.gockets.clone(), self.channel.clone(), Some(sender)).await);
    }

    async fn message(&mut self, message: Incoming) {
        let (text, body) = match message {
            Incoming::Text(text) => (true, Bytes::from(text)),
            Incoming::Binary(bytes) => (false, bytes),
        };
        if let Some(visit) = &mut self.visit {
            visit.message(text, body).await;
        }
    }

    async fn closed(mut self, how: CloseSummary) {
        drop(self.subscription.take());
        if let Some(visit) = self.visit.take() {
            visit.end(Some(&how)).await;
        }
    }
}
