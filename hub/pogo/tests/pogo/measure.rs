//! What many binders cost; run by hand, in release:
//! `BINDERS=8000 cargo test --release -p polysocket-pogo --test pogo -- --ignored --nocapture measure`. Both ends of each
//! connection are in this process, so it needs twice as many files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use polysocket_config::Span;
use tokio::task::JoinSet;

use crate::api::{Api, json};
use crate::bed::{Bed, Client};

const ROUNDS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn measure_a_change_to_the_last_binder() {
    let binders: usize = std::env::var("BINDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let n = Arc::new(AtomicU64::new(0));
    let counter = n.clone();
    let api =
        Api::new(move |_| json(200, &[], format!(r#"{{"n":{}}}"#, counter.load(Ordering::SeqCst)))).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(300)).await;
    let mut clients: Vec<Client> = Vec::with_capacity(binders);
    for _ in 0..binders {
        let mut client = bed.client().await;
        client.bind("/a").await;
        clients.push(client);
    }
    assert_eq!(api.reads("/a"), 1);
    let mut all: Vec<Duration> = Vec::new();
    let mut last: Vec<Duration> = Vec::new();
    for round in 1..=ROUNDS {
        n.store(round, Ordering::SeqCst);
        let mut waiting = JoinSet::new();
        let begun = Instant::now();
        for mut client in clients.drain(..) {
            waiting.spawn(async move {
                assert_eq!(client.json().await["data"]["n"], round);
                (client, begun.elapsed())
            });
        }
        let begun_push = begun.elapsed();
        assert_eq!(bed.push("POST", "/_pogo/publish", &[], r#"{"path":"/a"}"#).await, 204);
        let mut times = Vec::with_capacity(binders);
        while let Some(done) = waiting.join_next().await {
            let (client, time) = done.unwrap();
            times.push(time.saturating_sub(begun_push));
            clients.push(client);
        }
        last.push(*times.iter().max().unwrap());
        all.append(&mut times);
    }
    assert_eq!(api.reads("/a") as u64, 1 + ROUNDS, "one read for each change");
    all.sort_unstable();
    last.sort_unstable();
    let part = |times: &[Duration], share: usize| times[(times.len() - 1) * share / 1000];
    println!(
        "{binders} binders, {ROUNDS} changes, {} reads of the API: p50 {:?}, p99 {:?}, last binder p50 {:?}, worst {:?}",
        api.reads("/a"),
        part(&all, 500),
        part(&all, 990),
        part(&last, 500),
        part(&last, 1000),
    );
}
