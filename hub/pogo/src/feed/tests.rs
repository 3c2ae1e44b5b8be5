//! Feeds without connections: very many binders before one API.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::routing::any;
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_service::metrics::Registry;

use super::{Feeds, FeedsParts, Member, Out, Pauses, Slot, Style};
use crate::metrics::PogoMetrics;
use crate::upstream::{Base, Resource, Upstream};
use crate::wire::Code;

struct Bed {
    feeds: Feeds,
    base: Base,
    metrics: PogoMetrics,
    /// Requests that the API was sent.
    asked: Arc<AtomicU64>,
    /// What it answers.
    value: Arc<AtomicU64>,
    life: Lifecycle,
}

impl Bed {
    fn new(feeds_max: usize) -> Self {
        let (asked, value) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)));
        let (life, registry) = (Lifecycle::new(), Registry::new());
        let api = {
            let (asked, value) = (asked.clone(), value.clone());
            any(move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let body = value.load(Ordering::SeqCst).to_string();
                std::future::ready(([("content-type", "application/json")], body))
            })
        };
        let bound = bind("127.0.0.1:0", None).unwrap();
        let url = format!("http://{}", bound.address().unwrap());
        let routes = Routes::new(axum::Router::new().fallback(api));
        Server::new(routes, HttpConfig::default(), life.clone(), HttpMetrics::new(&registry)).serve(bound);
        let config = TargetsConfig { hosts_file: false, ..TargetsConfig::default() };
        let dialer = Dialer::new(Policy::new(&config).unwrap().allow_loopback(), &config).unwrap();
        let metrics = PogoMetrics::new(&registry);
        let upstream = Upstream::new(Arc::new(dialer), Duration::from_secs(10), 1024, 8, metrics.clone());
        let minute = Duration::from_secs(60);
        let feeds = Feeds::new(FeedsParts {
            upstream,
            feeds_max,
            pauses: Pauses { shortest: minute, usual: minute, longest: minute },
            share_public: true,
            event_paths: Vec::new(),
            event_values: false,
            event_bytes_max: 1024,
            life: life.clone(),
            metrics: metrics.clone(),
        });
        let base = Base::parse(&url, &["/".into()], &[]).unwrap();
        Self { feeds, base, metrics, asked, value, life }
    }

    fn resource(&self, path: &str) -> Resource {
        self.base.resource(path).unwrap()
    }

    fn member(&self) -> (Arc<Member>, Arc<Slot>) {
        let slot = Arc::new(Slot::default());
        let member =
            Member::new(self.feeds.new_id(), Style::Event, Out::Events(slot.clone()), None, None, false);
        (Arc::new(member), slot)
    }
}

#[tokio::test]
async fn ten_thousand_binders_and_one_stream_of_polls() {
    const BINDERS: usize = 10_000;
    let bed = Bed::new(10);
    let resource = bed.resource("/a");
    let mut binders = Vec::with_capacity(BINDERS);
    for _ in 0..BINDERS {
        let (member, slot) = bed.member();
        bed.feeds.attach(&resource, &member).unwrap();
        bed.feeds.settled(&member, None, true, None).await.unwrap();
        assert!(String::from_utf8_lossy(&slot.next().await).ends_with("data: 1\n\n"));
        binders.push((member, slot));
    }
    assert_eq!((bed.asked.load(Ordering::SeqCst), bed.metrics.feeds.get()), (1, 1));
    for value in 2..=5 {
        bed.value.store(value, Ordering::SeqCst);
        bed.feeds.touch("/a");
        let begun = Instant::now();
        for (_, slot) in &binders {
            assert!(String::from_utf8_lossy(&slot.next().await).ends_with(&format!("data: {value}\n\n")));
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    assert_eq!(bed.asked.load(Ordering::SeqCst), 5, "one request for each change, whoever is bound");
    for (member, _) in &binders {
        bed.feeds.detach(member);
    }
    assert_eq!((bed.metrics.feeds.get(), bed.metrics.binds.get()), (0, 0));
    assert!(bed.life.finish(Duration::from_secs(5)).await, "its tasks have ended");
}

#[tokio::test]
async fn there_are_not_more_feeds_than_may_be() {
    let bed = Bed::new(2);
    let mut members = HashMap::new();
    for path in ["/a", "/b", "/a?x"] {
        let (member, _) = bed.member();
        let bound = bed.feeds.attach(&bed.resource(path), &member);
        assert_eq!(
            bound.as_ref().err().map(|failure| failure.code),
            (path == "/a?x").then_some(Code::Unavailable)
        );
        members.insert(path, member);
    }
    bed.feeds.detach(&members["/b"]);
    bed.feeds.attach(&bed.resource("/a?x"), &members["/a?x"]).unwrap();
    assert_eq!(bed.metrics.feeds.get(), 2);
}

#[tokio::test]
async fn members_come_and_go_at_the_same_time_as_changes() {
    let bed = Arc::new(Bed::new(100));
    let mut tasks = Vec::new();
    for n in 0..50_u64 {
        let bed = bed.clone();
        tasks.push(tokio::spawn(async move {
            let resource = bed.resource(if n % 2 == 0 { "/a" } else { "/b" });
            for _ in 0..20 {
                let (member, slot) = bed.member();
                bed.feeds.attach(&resource, &member).unwrap();
                bed.feeds.touch("/a");
                bed.feeds.settled(&member, None, true, None).await.unwrap();
                slot.next().await;
                bed.feeds.detach(&member);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((bed.metrics.feeds.get(), bed.metrics.binds.get()), (0, 0));
}
