//! What dies, stops or loses its registry while sessions run: nobody notices who need not.

#![allow(clippy::unwrap_used)]

mod creates;
mod load;
mod one_host;
mod redis_killed;
mod relay_killed;
mod relay_stopped;
mod router_killed;

use std::collections::BTreeMap;

use polysocket_tests::client::{Create, HttpClient, Transport};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::Upstream;
use tokio::sync::{Mutex, MutexGuard};

use load::Loaded;

/// Each test has processes and figures of its own to measure, so that they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// A cluster, a target, and sessions that run on it.
struct Bed {
    cluster: TestCluster,
    upstream: Upstream,
    http: HttpClient,
    routers: Vec<String>,
    running: Vec<Loaded>,
}

impl Bed {
    async fn new(cluster: TestCluster) -> Self {
        let routers = cluster.routers.iter().map(|router| router.address().to_string()).collect();
        let (http, upstream) = (cluster.client(), Upstream::start().await.unwrap());
        Self { cluster, upstream, http, routers, running: Vec::new() }
    }

    /// Starts sessions on all transports, by the routers in turn, until every relay has some of each half.
    async fn load(&mut self, sessions: usize) {
        let seed = rand::random::<u64>() % 1_000_000;
        println!("SEED={seed}");
        for n in 0..sessions {
            let wish = Create {
                router: self.routers[n % self.routers.len()].clone(),
                nonce: Some(format!("{:032x}", rand::random::<u128>())),
                ..Create::default()
            };
            let transport = Transport::ALL[n % Transport::ALL.len()];
            let started = Loaded::start(&self.http, wish, &self.upstream, transport, seed + n as u64).await;
            let session = self.told(started);
            self.running.push(session);
        }
        self.advance(20).await;
        let mut per_node = BTreeMap::<_, usize>::new();
        self.running.iter().for_each(|session| *per_node.entry(&*session.node).or_default() += 1);
        println!("{sessions} sessions: {per_node:?}");
        assert_eq!(per_node.len(), self.cluster.relays.len(), "a relay has no session: {per_node:?}");
    }

    /// Every running session gets so many messages more.
    async fn advance(&mut self, more: u64) {
        let mut running = std::mem::take(&mut self.running);
        let goals: Vec<u64> = running.iter().map(|session| session.received() + more).collect();
        for (session, goal) in running.iter_mut().zip(goals) {
            let reached = session.reach(goal).await;
            self.told(reached);
        }
        self.running = running;
    }

    /// Ends what runs: nobody has noticed anything, and nothing was lost or doubled.
    async fn finish(&mut self) {
        let (mut sessions, mut messages) = (0, 0);
        for session in std::mem::take(&mut self.running) {
            let finished = session.finish(&self.upstream).await;
            messages += self.told(finished).progress.received;
            sessions += 1;
        }
        println!("{sessions} sessions noticed nothing; {messages} messages there and back, exactly once");
    }

    /// What an error says, with the logs of all processes.
    fn told<T>(&mut self, result: Result<T, String>) -> T {
        result.unwrap_or_else(|error| panic!("{error}\n{}", self.cluster.logs()))
    }
}
