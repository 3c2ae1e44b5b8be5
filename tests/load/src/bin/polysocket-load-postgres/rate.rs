//! Messages in a second, as fast as they go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::bridge::{open, path};
use crate::database::connect;
use crate::{Result, TEXT};

/// Of each side in each round.
const TIME: Duration = Duration::from_secs(3);
const WRITERS: usize = 32;
/// Messages that a writer says in one piece.
const BATCH: u64 = 16;
/// For the next message to come.
const NEXT_WITHIN: Duration = Duration::from_secs(10);

/// One `pg_notify` after the other on one connection.
pub async fn of_database(url: &str) -> Result<f64> {
    let (client, _) = connect(url, None).await?;
    let (_listener, mut heard) = connect(url, Some("plain")).await?;
    let statement = client.prepare("select pg_notify($1, $2)").await?;
    let begin = Instant::now();
    let mut sent = 0_u64;
    while begin.elapsed() < TIME {
        client.execute(&statement, &[&"plain", &format!("{{\"payload\":\"{sent} {TEXT}\"}}")]).await?;
        sent += 1;
    }
    for _ in 0..sent {
        heard.recv().await.ok_or("the listener ended")?;
    }
    Ok(sent as f64 / begin.elapsed().as_secs_f64())
}

/// From many sockets to one, by way of the database.
pub async fn of_bridge(address: &str) -> Result<f64> {
    let mut reader = open(address, &path("reader", "r", "rate")).await?;
    let said = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut ws = open(address, &path("writer", "w", "rate")).await?;
        let said = said.clone();
        writers.push(tokio::spawn(async move {
            let mut number = 0_u64;
            while begin.elapsed() < TIME {
                for _ in 0..BATCH {
                    if ws.feed(Message::text(format!("{writer} {number} {TEXT}"))).await.is_err() {
                        return;
                    }
                    number += 1;
                }
                if ws.flush().await.is_err() {
                    return;
                }
                said.fetch_add(BATCH, Ordering::Relaxed);
            }
            let _ = ws.close(None).await;
        }));
    }
    let mut heard = 0_u64;
    let mut all = None;
    loop {
        if all.is_none() && writers.iter().all(JoinHandle::is_finished) {
            all = Some(said.load(Ordering::Relaxed));
        }
        if all.is_some_and(|all| heard >= all) {
            break;
        }
        match tokio::time::timeout(NEXT_WITHIN, reader.next()).await {
            Ok(Some(Ok(Message::Text(_)))) => heard += 1,
            Ok(Some(Ok(_))) => {}
            other => return Err(format!("after {heard} of {all:?}: {other:?}").into()),
        }
    }
    Ok(heard as f64 / begin.elapsed().as_secs_f64())
}
