//! What a target does, as the page sees it, and what the page does, as the target sees it.

#![allow(clippy::unwrap_used)]

mod closes;
mod identity;
mod messages;
mod misbehaving;
mod opening;

use std::time::Duration;

use polysocket_tests::client::http::{Answer, Request};
use polysocket_tests::client::{
    Close, Create, CreateError, Created, Event, HttpClient, Session, Settings, create,
};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::Upstream;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

/// Times that a test can wait for.
const SHORT: &[(&str, &str)] = &[
    ("router", "create_timeout = \"1s\""),
    ("limits", "closing_time = \"1s\"\nstall_time = \"2s\""),
    ("relayd", "send_timeout = \"1s\""),
    ("admin", "listen = \"127.0.0.1:0\""),
];

struct Bed {
    cluster: TestCluster,
    http: HttpClient,
    upstream: Upstream,
}

impl Bed {
    async fn start() -> Self {
        Self::with(SHORT).await
    }

    async fn with(sections: &[(&str, &str)]) -> Self {
        let cluster = TestCluster::dev_with(sections).await.unwrap();
        let http = cluster.client();
        Self { cluster, http, upstream: Upstream::start().await.unwrap() }
    }

    async fn open(&self, path: &str, settings: Settings) -> Session {
        let wish = self.cluster.create(&self.upstream.url(path));
        let session = Session::open(&self.http, &wish, settings).await.unwrap();
        match session.expect_within(SOON).await {
            Event::Open { .. } => session,
            other => panic!("{other:?} comes first"),
        }
    }

    async fn refused(&self, wish: &Create) -> (u16, String) {
        match create(&self.http, wish).await {
            Err(CreateError::Refused { status, code, .. }) => (status, code),
            other => panic!("{}: {other:?}", wish.target),
        }
    }

    async fn created(&self, wish: &Create) -> Created {
        create(&self.http, wish).await.unwrap()
    }

    async fn post(&self, created: &Created, query: &str, body: Vec<u8>) -> Answer {
        let url = format!("{}/s/{}?{query}", created.relay, created.socket);
        self.http.request(&Request::post(&url, body), SOON).await.unwrap()
    }

    async fn poll(&self, created: &Created, query: &str) -> Value {
        let url = format!("{}/j/{}?{query}", created.relay, created.socket);
        let answer = self.http.request(&Request::get(&url), SOON).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }
}

fn closed(code: u16, reason: &str) -> Event {
    Event::Close(Close { code, reason: reason.into(), clean: true, error: None })
}

fn abnormal() -> Event {
    Event::Close(Close::abnormal())
}

fn failed(word: &str) -> Event {
    Event::Close(Close { error: Some(word.into()), ..Close::abnormal() })
}

fn patterned(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect()
}
