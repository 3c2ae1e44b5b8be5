//! Input that no honest client sends: refused in words or cut off, and nothing breaks, leaks or grows.

#![allow(clippy::unwrap_used)]

mod abandoned;
mod limits;
mod parameters;
mod polls;
mod versions;
mod wire;

use std::time::Duration;

use polysocket_tests::admin::Admin;
use polysocket_tests::client::http::{Answer, Request};
use polysocket_tests::client::{Create, Created, HttpClient, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::raw::Raw;
use polysocket_tests::upstream::Upstream;
use serde_json::Value;

const SOON: Duration = Duration::from_secs(10);
/// The time-outs that are configured here are 1 s; beyond this they were not kept.
const CUT_OFF: Duration = Duration::from_secs(4);

const SHORT: &[(&str, &str)] = &[
    ("http", "head_timeout = \"1s\"\nbody_timeout = \"1s\""),
    ("router", "create_timeout = \"1s\""),
    ("limits", "message_bytes_max = \"64KiB\""),
    ("relayd", "send_timeout = \"1s\""),
    ("admin", "listen = \"127.0.0.1:0\""),
    ("log", "level = \"debug\""),
];

struct Bed {
    cluster: TestCluster,
    http: HttpClient,
    upstream: Upstream,
    admin: Admin,
}

impl Bed {
    async fn start() -> Self {
        Self::with(SHORT).await
    }

    async fn with(sections: &[(&str, &str)]) -> Self {
        let mut cluster = TestCluster::dev_with(sections).await.unwrap();
        let admin = Admin::of(&mut cluster.routers[0]).await.unwrap();
        let http = cluster.client();
        Self { cluster, http, upstream: Upstream::start().await.unwrap(), admin }
    }

    fn router(&self) -> String {
        self.cluster.router().to_string()
    }

    async fn created(&self, path: &str) -> Created {
        create(&self.http, &self.cluster.create(&self.upstream.url(path))).await.unwrap()
    }

    /// One whose first unit, `open`, was fetched and not acked.
    async fn opened(&self, path: &str) -> Created {
        let wish = Create { hold: true, ..self.cluster.create(&self.upstream.url(path)) };
        let created = create(&self.http, &wish).await.unwrap();
        assert_eq!(self.poll(&created, "ack=0&dial=1").await["messages"][0]["type"], "open");
        created
    }

    async fn raw(&self) -> Raw {
        Raw::connect(self.cluster.router()).await.unwrap()
    }

    async fn get(&self, url: &str) -> Answer {
        self.http.request(&Request::get(url), SOON).await.unwrap()
    }

    async fn post(&self, url: &str, body: impl Into<bytes::Bytes>) -> Answer {
        self.http.request(&Request::post(url, body), SOON).await.unwrap()
    }

    async fn poll(&self, created: &Created, query: &str) -> Value {
        let answer = self.get(&format!("{}/j/{}?{query}", created.relay, created.socket)).await;
        json(&answer)
    }

    /// It runs, it is content, it serves, and its log holds none of these.
    async fn is_unharmed(&mut self, secrets: &[&str]) {
        assert!(self.admin.is_healthy().await);
        let created = self.created("/echo?unharmed").await;
        let url = format!("{}/s/{}?n=1&t=t", created.relay, created.socket);
        assert_eq!(self.post(&url, "alive").await.head.status(), 201);
        let process = self.cluster.routers[0].process();
        assert!(process.is_running());
        let log = process.log();
        assert!(log.contains("opened"), "the log is not captured: {log}");
        assert!(!log.contains("panicked"), "{log}");
        let own = [secret_of(&created.socket)];
        for secret in own.into_iter().chain(secrets.iter().copied()) {
            assert!(!log.contains(secret), "a secret is in the log: {secret}\n{log}");
        }
    }
}

/// What follows the node's name in a socket id.
fn secret_of(socket: &str) -> &str {
    socket.split_once('.').unwrap().1
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {answer:?}"))
}
