//! Gockets' clients: requests, and listeners by WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use polysocket_tests::client::http::{Answer, HttpError, Request};
use polysocket_tests::client::{Dialer, HttpClient};
use polysocket_tests::patience::PATIENCE;
use serde_json::Value;
use tokio::time::sleep;

use crate::diary::{Diary, Heard};
use crate::rocket::AGAIN;
use crate::socket::{Refused, Said, Socket};

/// A channel.
#[derive(Debug, Clone)]
pub struct Keys {
    pub publisher: String,
    pub subscriber: String,
}

/// Asks nodes.
#[derive(Debug, Clone)]
pub struct Rest(HttpClient);

impl Rest {
    pub fn new() -> Self {
        Self(HttpClient::new(Dialer::direct()))
    }

    pub async fn send(
        &self,
        method: &'static str,
        node: SocketAddr,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, HttpError> {
        self.0.request(&Request::new(method, &format!("{node}{path}"), body.into()), PATIENCE).await
    }

    pub async fn prepare(&self, node: SocketAddr, options: &str) -> Keys {
        let answer = self.send("POST", node, "/channel/prepare", options.to_owned()).await.unwrap();
        let json = json(&answer);
        let key = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
        Keys { publisher: key("publisher_key"), subscriber: key("subscriber_key") }
    }

    /// The status of publishing; none when nobody answered.
    pub async fn publish(&self, node: SocketAddr, keys: &Keys, text: String) -> Option<u16> {
        let path = format!("/channel/publish/{}", keys.publisher);
        Some(self.send("POST", node, &path, text).await.ok()?.head.status())
    }

    /// What waits for the channel's hook, on this node.
    pub async fn hooks(&self, node: SocketAddr, keys: &Keys) -> Value {
        let path = format!("/channel/hooks/{}", keys.publisher);
        json(&self.send("GET", node, &path, "").await.unwrap())
    }
}

pub fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Listens, from the node `at` on; after each end of its connection on the next node, and from then on only.
pub async fn listen(nodes: Vec<SocketAddr>, mut at: usize, keys: Keys, diary: Arc<Diary>) {
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    loop {
        match Socket::open(nodes[at % nodes.len()], &path).await {
            Ok(mut socket) => {
                diary.write(Heard::Subscribed(String::new()));
                let (code, reason) = loop {
                    match socket.hear().await {
                        Said::Text(text) => diary.write_text(&text),
                        Said::Ended(code, reason) => break (code, reason),
                    }
                };
                // It has no way to say from where on it wants to hear.
                diary.write(Heard::Told("the connection is over".into()));
                diary.write(Heard::Ended(code, reason));
            }
            Err(Refused::Status(404)) => return diary.write(Heard::Gone),
            Err(_) => {}
        }
        at += 1;
        sleep(AGAIN).await;
    }
}
