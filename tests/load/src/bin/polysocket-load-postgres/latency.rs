//! One message at a time.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use polysocket_load::stats::Latencies;
use tokio_tungstenite::tungstenite::Message;

use crate::bridge::{open, path};
use crate::database::connect;
use crate::{Result, TEXT};

/// Of each side in each round.
const MESSAGES: usize = 1_000;

/// From NOTIFY to LISTEN.
pub async fn of_database(url: &str) -> Result<Latencies> {
    let (client, _) = connect(url, None).await?;
    let (_listener, mut heard) = connect(url, Some("plain")).await?;
    let statement = client.prepare("select pg_notify($1, $2)").await?;
    let mut latencies = Latencies::default();
    for number in 0..MESSAGES {
        let begin = Instant::now();
        client.execute(&statement, &[&"plain", &format!("{number} {TEXT}")]).await?;
        latencies.push(heard.recv().await.ok_or("the listener ended")? - begin);
    }
    Ok(latencies)
}

/// From socket to socket, by way of the database.
pub async fn of_bridge(address: &str) -> Result<Latencies> {
    let mut reader = open(address, &path("reader", "r", "latency")).await?;
    let mut writer = open(address, &path("writer", "w", "latency")).await?;
    let mut latencies = Latencies::default();
    for number in 0..MESSAGES {
        let begin = Instant::now();
        writer.send(Message::text(format!("{number} {TEXT}"))).await?;
        while !matches!(reader.next().await.ok_or("closed")??, Message::Text(_)) {}
        latencies.push(begin.elapsed());
    }
    Ok(latencies)
}
