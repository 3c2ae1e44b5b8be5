//! Several nodes, many clients, and the end of a node.

use std::time::Duration;

use bytes::Bytes;
use polysocket_postgres::{Source, Subscriber, Wire};
use serde_json::json;

use crate::bed::{Bed, Client, Envelopes, eventually};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn two_nodes_and_no_echo_is_doubled() {
    let server = PostgresServer::start().await;
    for wire in [Wire::Seed, Wire::Current] {
        let nodes = [Bed::with(&server, wire, |_| ()).await, Bed::with(&server, wire, |_| ()).await];
        let mut clients: Vec<Client> = Vec::new();
        for node in &nodes {
            clients.push(node.chat("c").await);
            clients.push(node.chat("c").await);
        }
        for sender in 0..clients.len() {
            let said = format!("by {sender}");
            clients[sender].say(&said).await;
            for client in &mut clients {
                assert_eq!(client.payload().await, said);
            }
        }
        server.client().await.batch_execute("notify c, '{\"channel\":\"c\"}'").await.unwrap();
        for client in &mut clients {
            if wire == Wire::Seed {
                assert_eq!(client.text().await, "{\"channel\":\"c\"}");
            }
            client.silent().await;
        }
    }
}

#[tokio::test]
async fn the_database_sees_two_connections_however_many_clients_there_are() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let client = server.client().await;
    let count = async || {
        let asked = "select count(*) from pg_stat_activity where application_name like 'polysocket %'";
        client.query_one(asked, &[]).await.unwrap().get::<_, i64>(0)
    };
    let mut clients = Vec::new();
    for number in 0..300 {
        clients.push(bed.chat(&format!("room {}", number % 50)).await);
    }
    assert_eq!((count().await, bed.postgres.open(), bed.metric("channels", "")), (2, 300, 50));
    clients[7].say("to six").await;
    for (number, client) in clients.iter_mut().enumerate() {
        if number % 50 == 7 {
            assert_eq!(client.payload().await, "to six");
        }
    }
    drop(clients);
    assert_eq!(count().await, 2);
}

#[tokio::test]
async fn a_node_that_stops() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let (mut other, clients) =
        (Bed::new(&server).await.chat("c").await, [bed.chat("c").await, bed.chat("c").await]);
    let [mut first, second] = clients;
    first.say("before the end").await;
    assert_eq!(other.payload().await, "before the end");
    bed.life.drain();
    assert_eq!(first.payload().await, "before the end");
    assert_eq!(first.closed().await.0, Some(1001));
    drop(second);
    let path = format!("/{}", crate::bed::token(&json!({"mode": "r", "channel": "c"})));
    let refused = Client::try_open(bed.address, &path, &[]).await;
    assert_eq!(refused.expect_err("no more connections").status(), 503);
    assert!(bed.life.finish(Duration::from_secs(10)).await, "all tasks have ended");
}

#[tokio::test]
async fn one_node_leads_and_another_one_after_it() {
    let server = PostgresServer::start().await;
    let nodes = [Bed::new(&server).await, Bed::new(&server).await];
    let leading = || nodes.iter().filter(|node| node.postgres.leads()).count();
    eventually("one leads", async || leading() == 1).await;
    let first = usize::from(nodes[1].postgres.leads());
    assert!(nodes[first].life.finish(Duration::from_secs(10)).await);
    eventually("the other leads", async || nodes[1 - first].postgres.leads()).await;
}

/// What a bridge to another protocol does.
#[tokio::test]
async fn somebody_in_the_same_process() {
    struct Heard(tokio::sync::mpsc::UnboundedSender<String>);
    impl Subscriber for Heard {
        fn deliver(&self, channel: &str, _: &Bytes, payload: &str, source: Source) {
            assert_eq!(source, Source::Notified);
            self.0.send(format!("{channel}: {payload}")).unwrap();
        }
        fn gap(&self, channel: &str, _: &Bytes) {
            self.0.send(format!("{channel} has a gap")).unwrap();
        }
    }
    let mut server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let membership = bed.postgres.subscribe("c", std::sync::Arc::new(Heard(sender))).unwrap();
    bed.postgres.heard(std::slice::from_ref(&membership)).await;
    let mut ws = bed.chat("c").await;
    bed.postgres.notify("c", "by a neighbour".to_owned()).await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "c: by a neighbour");
    assert_eq!(ws.text().await, "by a neighbour");
    server.kill().await;
    bed.unready_now().await;
    server.restart().await;
    assert_eq!(heard.recv().await.unwrap(), "c has a gap");
    drop(membership);
    eventually("left", async || heard.recv().await.is_none()).await;
}
