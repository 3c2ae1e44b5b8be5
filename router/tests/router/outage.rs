//! A registry that cannot be reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use polysocket_config::Tables;
use polysocket_protocol::SocketId;
use polysocket_registry::{
    Admission, AskError, Asks, Claim, Establish, NodeLease, Outcome, Registry, RegistryError, SocketLease,
    Stats, Verdict,
};
use polysocket_tokens::{AuthConfig, Keyring, StaticToken};
use tokio::time::Instant;

use crate::bed::{Bed, CREATE, CREATE_V1, cluster_key, memory, time_passes};
use crate::relay::{Does, Relay};

const KEY: &str = "static-for-tests-only";

/// A registry in memory, behind a network that can be cut.
struct Cut {
    behind: Arc<dyn Registry>,
    network: AtomicU8,
}

/// It works.
const WHOLE: u8 = 0;
/// Every command fails after the time-out of commands.
const SLOW: u8 = 1;
/// Nothing ever returns: what a registry must not do.
const MUTE: u8 = 2;
/// Only the table can be read.
const TABLE_ONLY: u8 = 3;
/// All but the table.
const NO_TABLE: u8 = 4;

impl Cut {
    fn new() -> Arc<Self> {
        Arc::new(Self { behind: memory(), network: AtomicU8::new(WHOLE) })
    }

    fn set(&self, network: u8) {
        self.network.store(network, Ordering::Relaxed);
    }

    async fn pass(&self, table: bool) -> Result<(), RegistryError> {
        match self.network.load(Ordering::Relaxed) {
            WHOLE => return Ok(()),
            TABLE_ONLY if table => return Ok(()),
            NO_TABLE if !table => return Ok(()),
            MUTE => std::future::pending().await,
            _ => time_passes(Duration::from_millis(500)).await,
        }
        Err(RegistryError::Unreachable { at: "redis://10.0.0.9:6379".into(), why: "timed out".into() })
    }
}

#[async_trait]
impl Registry for Cut {
    async fn announce(&self, lease: &NodeLease) -> Result<(), RegistryError> {
        self.pass(false).await?;
        self.behind.announce(lease).await
    }
    async fn withdraw(&self, node: &str, boot: u64) -> Result<(), RegistryError> {
        self.pass(false).await?;
        self.behind.withdraw(node, boot).await
    }
    async fn nodes(&self) -> Result<Vec<NodeLease>, RegistryError> {
        self.pass(true).await?;
        self.behind.nodes().await
    }
    async fn ask(
        &self,
        node: &str,
        boot: u64,
        what: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError> {
        self.pass(false).await?;
        self.behind.ask(node, boot, what, wait).await
    }
    async fn serve(&self, node: &str, boot: u64) -> Result<Asks, RegistryError> {
        self.behind.serve(node, boot).await
    }
    async fn claim(&self, nonce: &str, claim: &Claim, ttl: Duration) -> Result<Claim, RegistryError> {
        self.pass(false).await?;
        self.behind.claim(nonce, claim, ttl).await
    }
    async fn reclaim(
        &self,
        nonce: &str,
        stale: &Claim,
        claim: &Claim,
        ttl: Duration,
    ) -> Result<Claim, RegistryError> {
        self.pass(false).await?;
        self.behind.reclaim(nonce, stale, claim, ttl).await
    }
    async fn admit(&self, admission: &Admission) -> Result<Verdict, RegistryError> {
        self.pass(false).await?;
        self.behind.admit(admission).await
    }
    async fn renew(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        self.pass(false).await?;
        self.behind.renew(leases).await
    }
    async fn release(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        self.pass(false).await?;
        self.behind.release(leases).await
    }
    async fn ping(&self) -> Result<(), RegistryError> {
        self.pass(false).await
    }
    fn stats(&self) -> Stats {
        self.behind.stats()
    }
}

/// With a token whose sockets are counted, so that all there is to ask is asked.
fn bed(registry: &Arc<Cut>) -> Bed {
    let token = StaticToken {
        name: "page".to_owned(),
        key: Some(KEY.to_owned()),
        targets: vec!["*".to_owned()],
        sockets_max: Some(100),
        ..StaticToken::default()
    };
    let auth = AuthConfig { tokens: Tables::from(vec![token]), ..AuthConfig::default() };
    Bed::with(registry.clone(), |parts| parts.keyring = Some(Keyring::new(&auth).unwrap()))
}

fn creates() -> [String; 3] {
    [
        format!("{CREATE}&token={KEY}"),
        format!("{CREATE_V1}&token={KEY}"),
        format!("{CREATE_V1}&nonce=0123456789abcdef&token={KEY}"),
    ]
}

#[tokio::test(start_paused = true)]
async fn said_within_a_second() {
    for network in [SLOW, MUTE, TABLE_ONLY] {
        // Before the table was read for the first time, just after it was, and when it is old.
        for age in [None, Some(Duration::ZERO), Some(Duration::from_secs(10))] {
            let registry = Cut::new();
            let bed = bed(&registry);
            let relay_side: Arc<dyn Registry> = registry.clone();
            let _relay = Relay::start(&relay_side, "tom", Does::Open).await;
            if let Some(age) = age {
                assert_eq!(bed.get(&creates()[0]).await.status, 200);
                registry.set(network);
                time_passes(age).await;
            }
            registry.set(network);
            for create in creates() {
                let began = Instant::now();
                let answer = bed.get(&create).await;
                let took = began.elapsed();
                if network == TABLE_ONLY && age == Some(Duration::from_secs(10)) {
                    // The relay could not renew, and the table says so.
                    answer.refused("no-capacity");
                } else {
                    answer.refused("unavailable");
                    assert!(!answer.body.contains("10.0.0.9"), "{}", answer.body);
                }
                assert!(took <= Duration::from_secs(1), "{network} {age:?} {create}: {took:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_the_relay_has_to_be_asked() {
    for (network, word, within) in
        [(SLOW, "unavailable", 1000), (TABLE_ONLY, "unavailable", 1000), (MUTE, "timeout", 5100)]
    {
        let registry = Cut::new();
        let bed = Bed::with(registry.clone(), |_| ());
        let relay_side: Arc<dyn Registry> = registry.clone();
        let _relay = Relay::start(&relay_side, "tom", Does::Open).await;
        assert_eq!(bed.get(CREATE).await.status, 200);
        registry.set(network);
        let began = Instant::now();
        bed.get(CREATE).await.refused(word);
        assert!(began.elapsed().as_millis() <= within, "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_placed_by_an_old_table() {
    let registry = Cut::new();
    let bed = bed(&registry);
    let relay_side: Arc<dyn Registry> = registry.clone();
    let mut relay = Relay::start(&relay_side, "tom", Does::Open).await;
    assert_eq!(bed.get(&creates()[0]).await.status, 200);
    registry.set(NO_TABLE);
    // A reading that is missed is no outage.
    time_passes(Duration::from_millis(1200)).await;
    assert_eq!(bed.get(&creates()[0]).await.status, 200);
    time_passes(Duration::from_secs(2)).await;
    relay.asked().await;
    relay.asked().await;
    bed.get(&creates()[0]).await.refused("unavailable");
    assert!(relay.heard_nothing());
}

#[tokio::test(start_paused = true)]
async fn many_at_once_wait_no_longer() {
    let registry = Cut::new();
    let bed = bed(&registry);
    registry.set(SLOW);
    let began = Instant::now();
    let all: Vec<_> = (0..50)
        .map(|_| {
            let request = http::Request::get(&creates()[0]).body(axum::body::Body::empty()).unwrap();
            tokio::spawn(crate::bed::send(bed.app.clone(), request))
        })
        .collect();
    for one in all {
        one.await.unwrap().refused("unavailable");
    }
    assert!(began.elapsed() <= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn all_is_well_when_it_is_back() {
    let registry = Cut::new();
    let bed = bed(&registry);
    let relay_side: Arc<dyn Registry> = registry.clone();
    let _relay = Relay::start(&relay_side, "tom", Does::Open).await;
    assert_eq!(bed.get(&creates()[0]).await.status, 200);
    registry.set(SLOW);
    time_passes(Duration::from_secs(10)).await;
    bed.get(&creates()[0]).await.refused("unavailable");
    assert!(bed.metric("polysocket_router_directory_age_milliseconds", "") > 9000);
    assert!(bed.metric("polysocket_router_directory_errors_total", "") > 5);
    registry.set(WHOLE);
    // The relay says that it is there once a second.
    time_passes(Duration::from_millis(1600)).await;
    for create in creates() {
        assert_eq!(bed.get(&create).await.status, 200);
    }
    assert!(bed.metric("polysocket_router_directory_age_milliseconds", "") < 600);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_dead_for_it() {
    let registry = Cut::new();
    let bed = bed(&registry);
    let relay_side: Arc<dyn Registry> = registry.clone();
    let _relay = Relay::start(&relay_side, "tom", Does::Open).await;
    let id = SocketId::issue("tom", 1, 42, |bytes| cluster_key().sign(bytes));
    let path = format!("/alive/{id}");
    assert_eq!(bed.get(&path).await.body, r#"{"ok":true,"alive":true}"#);
    for network in [SLOW, MUTE] {
        registry.set(network);
        time_passes(Duration::from_secs(5)).await;
        let began = Instant::now();
        bed.get(&path).await.refused("unavailable");
        assert!(began.elapsed() <= Duration::from_secs(1));
        assert_eq!(bed.get(&format!("{path}?cb=go")).await.status, 200);
        // Junk is junk, also now.
        bed.get("/alive/x").await.refused("gone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_that_stops_finishes_what_has_begun() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let mut relay = Relay::start(&registry, "tom", Does::Wait).await;
    let create = format!("{CREATE_V1}&nonce=0123456789abcdef");
    let request = http::Request::get(create).body(axum::body::Body::empty()).unwrap();
    let begun = tokio::spawn(crate::bed::send(bed.app.clone(), request));
    relay.asked().await;
    let life = bed.life.clone();
    let finished = tokio::spawn(async move { life.finish(Duration::from_secs(10)).await });
    relay.tell(Does::Open);
    assert_eq!(begun.await.unwrap().status, 200);
    assert!(finished.await.unwrap(), "every task has ended by itself");
}
