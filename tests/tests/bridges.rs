//! Bridges between the hub's protocols: two nodes over one Redis and one database, each message across once.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use polysocket_tests::admin::Admin;
use polysocket_tests::patience::{PATIENCE, eventually};
use polysocket_tests::ports::TempDir;
use polysocket_tests::postgres_server::PostgresServer;
use polysocket_tests::program::Program;
use polysocket_tests::redis_server::RedisServer;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Messages in one direction.
const MESSAGES: usize = 200;

struct Nodes {
    rocket: Vec<SocketAddr>,
    _programs: Vec<Program>,
    database: PostgresServer,
    _redis: RedisServer,
    _folder: TempDir,
}

impl Nodes {
    async fn start() -> Self {
        let (database, redis) = (PostgresServer::start().await, RedisServer::start().await.unwrap());
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("hub.toml");
        std::fs::write(&config, configuration(&redis.url(), &database.url())).unwrap();
        let (mut rocket, mut programs) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let mut program =
                Program::start("polysocket hub", &["hub", "--config", config.to_str().unwrap()])
                    .await
                    .unwrap();
            let find = |line: &str| line.strip_prefix("rocket listening on http://")?.trim().parse().ok();
            rocket.push(program.process().wait_for(PATIENCE, find).await.unwrap());
            let admin = Admin::of(&mut program).await.unwrap();
            eventually("a node hears the database", async || {
                admin.metric("polysocket_postgres_listening").await == Some(1.0)
            })
            .await;
            programs.push(program);
        }
        Self { rocket, _programs: programs, database, _redis: redis, _folder: folder }
    }
}

fn configuration(redis: &str, database: &str) -> String {
    format!(
        r#"
[hub]
protocols = ["rocket", "postgres"]
[[hub.bridges]]
from = "postgres:orders"
to = "rocket:/shop:orders"
event = "order"
[[hub.bridges]]
from = "rocket:/shop:told"
to = "postgres:told"
[broker]
url = "{redis}"
[rocket]
listen = ["127.0.0.1:0"]
[[rocket.hubs]]
path = "/shop"
[[rocket.hubs.users]]
name = "shop"
secret = ""
permission = 3
[postgres]
url = "{database}"
listen = ["127.0.0.1:0"]
jwt_secret = "0123456789abcdef0123456789abcdef"
heartbeat_every = "1s"
[admin]
listen = "127.0.0.1:0"
"#
    )
}

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn say(client: &mut Client, message: Value) {
    client.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(client: &mut Client) -> Value {
    let message = timeout(PATIENCE, client.next()).await.expect("a message").unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// Who is logged in and subscribed.
async fn subscribed(at: SocketAddr, channel: &str) -> Client {
    let (mut client, _) = connect_async(format!("ws://{at}/shop")).await.unwrap();
    say(&mut client, json!({ "authenticate": { "user": "shop", "secret": "" } })).await;
    hear(&mut client).await;
    say(&mut client, json!({ "subscribe": { "channel": channel } })).await;
    hear(&mut client).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_notified_crosses_once_and_in_order() {
    let nodes = Nodes::start().await;
    let mut clients = Vec::new();
    for &at in &nodes.rocket {
        clients.push(subscribed(at, "orders").await);
    }
    let database = nodes.database.client().await;
    // A node has to lead before anything crosses.
    eventually("one leads", async || {
        let held = "select count(*) from pg_locks where locktype = 'advisory' and granted";
        database.query_one(held, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    for n in 0..MESSAGES {
        database.execute("select pg_notify('orders', $1)", &[&json!({ "n": n }).to_string()]).await.unwrap();
    }
    for client in &mut clients {
        for n in 0..MESSAGES {
            let expected = json!({ "event": "order", "channel": "orders", "data": { "n": n } });
            assert_eq!(hear(client).await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broadcast_is_notified_once() {
    let nodes = Nodes::start().await;
    let (mut notified, connection) = notifications(&nodes.database).await;
    let mut publishers = Vec::new();
    for &at in &nodes.rocket {
        publishers.push(subscribed(at, "told").await);
    }
    for n in 0..MESSAGES {
        let publisher = &mut publishers[n % 2];
        let broadcast = json!({ "broadcast": { "channel": "told", "event": "said", "data": n } });
        say(publisher, broadcast).await;
    }
    let mut heard = Vec::new();
    while heard.len() < MESSAGES {
        let payload = timeout(PATIENCE, notified.recv()).await.expect("a notification").unwrap();
        heard.push(payload.parse::<usize>().unwrap());
    }
    let once: BTreeSet<usize> = heard.iter().copied().collect();
    assert_eq!(once, (0..MESSAGES).collect());
    for node in 0..2 {
        let of_node: Vec<usize> = heard.iter().copied().filter(|n| n % 2 == node).collect();
        assert!(of_node.is_sorted(), "{of_node:?}");
    }
    connection.abort();
}

/// What comes on the channel `told`, heard by a client of the database's own.
async fn notifications(
    server: &PostgresServer,
) -> (tokio::sync::mpsc::UnboundedReceiver<String>, tokio::task::JoinHandle<()>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (client, mut connection) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    let task = tokio::spawn(async move {
        let messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
        let mut messages = Box::pin(messages);
        while let Some(Ok(message)) = messages.next().await {
            if let tokio_postgres::AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned());
            }
        }
    });
    client.batch_execute("listen told").await.unwrap();
    // It ends the connection when it is dropped.
    std::mem::forget(client);
    (receiver, task)
}
