//! The targets of `dev`: plain WebSocket servers that know nothing of Polysocket.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use tokio::sync::broadcast;

/// Messages that a member of the chat may be behind before it misses some.
const CHAT_BACKLOG: usize = 256;

/// `/echo` says everything back; `/chat` says it to all who are there.
pub fn routes() -> Router {
    let (chat, _) = broadcast::channel(CHAT_BACKLOG);
    Router::new().route("/echo", get(echo)).route("/chat", get(join)).with_state(Arc::new(chat))
}

type Chat = Arc<broadcast::Sender<Message>>;

/// Takes the first subprotocol it is offered, so that clients which want one can be tried as well.
fn accept(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let first = upgrade.requested_protocols().next().and_then(|name| name.to_str().ok()).map(str::to_owned);
    upgrade.protocols(first)
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    accept(upgrade).on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err()
            {
                return;
            }
        }
    })
}

async fn join(State(chat): State<Chat>, upgrade: WebSocketUpgrade) -> Response {
    accept(upgrade).on_upgrade(move |socket| talk(socket, chat))
}

async fn talk(mut socket: WebSocket, chat: Chat) {
    let mut said = chat.subscribe();
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                // Nobody there is no error: the speaker itself is.
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => drop(chat.send(message)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            message = said.recv() => match message {
                Ok(message) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}
