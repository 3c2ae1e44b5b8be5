//! Feeds without connections: very many binders before one API.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::routing::any;
use futures_util::FutureExt;
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_service::metrics::Registry;

use super::news::{Known, What};
use super::state::Feed;
use super::update::Shown;
use super::{Cause, Feeds, FeedsParts, Form, Member, Out, Pauses, Slot, Style};
use crate::access::{Credential, Scope};
use crate::document::Document;
use crate::metrics::PogoMetrics;
use crate::upstream::{Base, Freshness, Resource, Upstream};
use crate::wire::{Code, Codec, Dialect, PatchKind};

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
        self.member_as(None, false)
    }

    fn member_as(&self, credential: Option<Credential>, live: bool) -> (Arc<Member>, Arc<Slot>) {
        let slot = Arc::new(Slot::default());
        let out = Out::Events(slot.clone());
        let member = Member::new(self.feeds.new_id(), Style::Event, out, credential, None, live);
        (Arc::new(member), slot)
    }
}

fn anna() -> Credential {
    Credential::parse("token-of-anna").unwrap()
}

fn shown(json: &'static str) -> Shown {
    Shown::Value(Document::parse(json.into()).unwrap())
}

fn public() -> Freshness {
    Freshness { public: true, ..Freshness::default() }
}

/// The newest state that waits for an event stream; none waits: nothing.
fn waiting(slot: &Slot) -> Option<String> {
    let event = slot.next().now_or_never()?;
    Some(String::from_utf8_lossy(&event).trim_end().lines().last()?.to_owned())
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
        bed.feeds.touch("/a", Cause::Told);
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
                bed.feeds.touch("/a", Cause::Told);
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

/// Between the API's word that something is for everybody and the telling of it somebody else may come.
#[tokio::test]
async fn what_was_private_is_not_shown_when_it_becomes_public() {
    let bed = Bed::new(10);
    let resource = bed.resource("/a");
    let (member, slot) = bed.member_as(Some(anna()), false);
    bed.feeds.attach(&resource, &member).unwrap();
    bed.feeds.settled(&member, None, true, None).await.unwrap();
    assert_eq!(waiting(&slot).as_deref(), Some("data: 1"));
    let feed = bed.feeds.feed_of(&member).unwrap().unwrap();
    let turn = feed.turn(Duration::ZERO);
    let news = bed.feeds.read(&feed, &turn, shown("2"), &public()).unwrap();
    let (bound, sees) = bed.member_as(None, true);
    bed.feeds.attach(&resource, &bound).unwrap();
    assert_eq!(waiting(&sees).as_deref(), Some("data: 2"), "it is what everybody may see");
    let (binding, binds) = bed.member();
    bed.feeds.attach(&resource, &binding).unwrap();
    bed.feeds.settled(&binding, None, true, None).await.unwrap();
    assert_eq!(waiting(&binds).as_deref(), Some("data: 2"));
    assert_eq!((waiting(&slot), bed.metrics.feeds.get()), (None, 1));
    bed.feeds.spread(&feed, news).await;
    assert_eq!(waiting(&slot).as_deref(), Some("data: 2"), "who was there before is told");
    assert_eq!((waiting(&sees), waiting(&binds)), (None, None), "and nobody twice");
}

#[test]
fn what_was_private_is_nothing_that_others_get_patches_of() {
    const SECRET: &str = r#"{"long":"................................","secret":1}"#;
    const NEWS: &str = r#"{"long":"................................"}"#;
    let resource = Base::parse("http://api", &["/".into()], &[]).unwrap().resource("/a").unwrap();
    let feed = Feed::new(1, resource, anna().scope(), false);
    let out = Out::Events(Arc::default());
    feed.enter(&Arc::new(Member::new(1, Style::Event, out, Some(anna()), None, true)));
    let turn = feed.turn(Duration::ZERO);
    feed.read(&turn, shown(SECRET), &Freshness::default());
    let What::State(told) = feed.open(&turn, shown(NEWS), &public()).what else { panic!("it is new") };
    let Known::State(known, None) = feed.known() else { panic!("it is known") };
    let patched = |update: &super::update::Update| {
        let form = Form::Patched(PatchKind::Merge);
        let style = Style::Socket { dialect: Dialect::Seed, codec: Codec::default(), form };
        let frame = update.frame("/a", style, Some(shown(SECRET).version()));
        String::from_utf8_lossy(&frame).contains("secret")
    };
    assert!(patched(&told), "who has seen it gets what has changed");
    assert!(!patched(&known), "who comes now and only says so gets what is there");
    assert_eq!((told.seq, feed.scope()), (known.seq, Scope::Public));
    // What is known of her own is not for everybody any more.
    assert!(feed.told_in(anna().scope(), shown(SECRET)).is_none());
    assert!(feed.told_in(Scope::Public, shown("3")).is_some());
}

#[tokio::test]
async fn a_write_that_failed_touches_nothing_but_its_path() {
    let bed = Bed::new(10);
    let mut due = Vec::new();
    for path in ["/a", "/a?x", "/a/b", "/c"] {
        let (member, _) = bed.member();
        bed.feeds.attach(&bed.resource(path), &member).unwrap();
        due.push(bed.feeds.feed_of(&member).unwrap().unwrap());
    }
    let due = || due.iter().map(|feed| feed.due().now_or_never().is_some()).collect::<Vec<_>>();
    bed.feeds.touch("/", Cause::Failed);
    assert_eq!(due(), [false, false, false, false]);
    bed.feeds.touch("/a", Cause::Failed);
    assert_eq!(due(), [true, true, false, false]);
    bed.feeds.touch("/", Cause::Written);
    assert_eq!(due(), [true, true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn many_writes_and_few_readings() {
    const SHORTEST: Duration = Duration::from_secs(1);
    let resource = Base::parse("http://api", &["/".into()], &[]).unwrap().resource("/a").unwrap();
    let feed = Feed::new(1, resource, Scope::Anonymous, false);
    let is_due = || feed.due().now_or_never().is_some();
    assert!(!is_due());
    feed.touch(Cause::Written);
    assert!(is_due(), "the first at once");
    let turn = feed.turn(SHORTEST);
    assert!(!is_due() && !feed.is_stale(&turn));
    for _ in 0..100 {
        feed.touch(Cause::Failed);
    }
    assert!(!is_due());
    tokio::time::advance(SHORTEST / 2).await;
    feed.touch(Cause::Written);
    assert!(!is_due());
    tokio::time::advance(SHORTEST / 2).await;
    assert!(is_due(), "all of them together");
    // One that comes while it is read is seen by the next reading only.
    let turn = feed.turn(SHORTEST);
    feed.touch(Cause::Written);
    assert!(!is_due());
    assert!(feed.is_stale(&turn) && is_due(), "nobody was told anything, so it is made up for");
    let turn = feed.turn(SHORTEST);
    assert!(!feed.is_stale(&turn) && !is_due());
    tokio::time::advance(SHORTEST).await;
    assert!(!is_due(), "none is left");
}
