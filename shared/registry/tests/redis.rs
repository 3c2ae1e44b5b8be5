//! What can go wrong with a Redis: killed, frozen, absent, or not what was expected.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use common::{
    PATIENCE, config, lease, next_cancel, next_establish, opened, request, socket_lease, with_password,
};
use polysocket_registry::{
    Admission, AskError, Claim, Registry, RegistryConfig, RegistryError, Verdict, open,
};
use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(60);

fn claim() -> Claim {
    Claim { node: "tom".to_owned(), boot: 7, request_id: "r1".to_owned() }
}

/// Every command there is, and what it says.
async fn all_commands(registry: &Arc<dyn Registry>) -> Vec<(&'static str, Result<(), RegistryError>)> {
    let leases = [socket_lease("acme", "1")];
    let admission =
        Admission { lease: leases[0].clone(), sockets_max: Some(1), creates_per_second: Some(1.0) };
    let ask = registry.ask("nobody", 7, &request("r1"), LONG).await;
    vec![
        ("ping", registry.ping().await),
        ("announce", registry.announce(&lease("tom", 7)).await),
        ("withdraw", registry.withdraw("tom", 7).await),
        ("nodes", registry.nodes().await.map(drop)),
        ("claim", registry.claim("nonce-0123456789", &claim(), LONG).await.map(drop)),
        ("reclaim", registry.reclaim("nonce-0123456789", &claim(), &claim(), LONG).await.map(drop)),
        ("admit", registry.admit(&admission).await.map(drop)),
        ("renew", registry.renew(&leases).await),
        ("release", registry.release(&leases).await),
        (
            "ask",
            match ask {
                Err(AskError::Registry(error)) => Err(error),
                Err(AskError::NoSuchNode { .. }) => Ok(()),
                other => panic!("{other:?}"),
            },
        ),
    ]
}

async fn comes_back(registry: &Arc<dyn Registry>) {
    eventually("the registry is back", async || registry.ping().await.is_ok()).await;
    for (command, result) in all_commands(registry).await {
        assert_eq!(result, Ok(()), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_kill_and_restart_under_a_running_ask() {
    let mut server = RedisServer::start().await.unwrap();
    let router = open(&config(&server)).await.unwrap();
    let relay = open(&config(&server)).await.unwrap();
    relay.announce(&lease("tom", 7)).await.unwrap();
    let mut asks = relay.serve("tom", 7).await.unwrap();

    let running = {
        let router = router.clone();
        tokio::spawn(async move {
            let mut request = request("r1");
            request.budget_ms = 30_000;
            router.ask("tom", 7, &request, PATIENCE * 2).await
        })
    };
    let (_, replier) = next_establish(&mut asks).await;
    server.kill().await.unwrap();
    eventually("both have noticed", async || !router.stats().reachable && !relay.stats().reachable).await;
    // The upstream opens while Redis is away; the answer waits for it.
    let reply = tokio::spawn(replier.reply(opened("s1")));
    server.run().await.unwrap();
    assert_eq!(timeout(PATIENCE, running).await.unwrap().unwrap().unwrap(), opened("s1"));
    assert!(reply.await.unwrap());

    // It came back empty, and everything is as it was before, once renewed. The relay asks nobody to serve again.
    assert_eq!(router.nodes().await.unwrap(), []);
    relay.announce(&lease("tom", 7)).await.unwrap();
    assert_eq!(router.nodes().await.unwrap(), [lease("tom", 7)]);
    let one = |id: &str| Admission {
        lease: socket_lease("acme", id),
        sockets_max: Some(1),
        creates_per_second: None,
    };
    relay.renew(&[socket_lease("acme", "1")]).await.unwrap();
    assert_eq!(router.admit(&one("2")).await.unwrap(), Verdict::TooManySockets);
    let establish = request("r2");
    let relayed = async { next_establish(&mut asks).await.1.reply(opened("s2")).await };
    let (outcome, delivered) = tokio::join!(router.ask("tom", 7, &establish, PATIENCE), relayed);
    assert_eq!(outcome.unwrap(), opened("s2"));
    assert!(delivered);
    assert_eq!(router.stats().connects, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_at_once_and_clearly_that_it_is_down() {
    let (mut server, config) = with_password("hunter2").await;
    let registry = open(&config).await.unwrap();
    registry.ping().await.unwrap();
    server.kill().await.unwrap();
    eventually("it has noticed", async || !registry.stats().reachable).await;
    for (command, result) in all_commands(&registry).await {
        let error = result.unwrap_err();
        assert!(error.is_unreachable(), "{command}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("{} cannot be reached", server.url())), "{text}");
        assert!(text.contains("check that Redis runs there"), "{text}");
        assert!(!text.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{text}");
    }
    // After the first wait there is no more: ten times 500 ms would be five seconds.
    let begun = Instant::now();
    all_commands(&registry).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.run().await.unwrap();
    comes_back(&registry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_that_outlives_the_registry_says_so() {
    let mut server = RedisServer::start().await.unwrap();
    let registry = open(&config(&server)).await.unwrap();
    let mut asks = registry.serve("tom", 7).await.unwrap();
    let router = registry.clone();
    let ask = tokio::spawn(async move { router.ask("tom", 7, &request("r1"), Duration::from_secs(2)).await });
    let (_, replier) = next_establish(&mut asks).await;
    server.kill().await.unwrap();
    let error = timeout(PATIENCE, ask).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(&error, AskError::Registry(error) if error.is_unreachable()), "{error}");
    // The relay cannot be told, and finds out by the deadline it was given.
    timeout(PATIENCE, replier.cancelled()).await.expect("its deadline");
    assert!(!replier.reply(opened("s1")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_before_redis_does() {
    let mut server = RedisServer::stopped(&[] as &[&str]).unwrap();
    let relay = open(&config(&server)).await.unwrap();
    let router = open(&config(&server)).await.unwrap();
    let mut asks = relay.serve("tom", 7).await.unwrap();
    assert!(relay.announce(&lease("tom", 7)).await.unwrap_err().is_unreachable());
    server.run().await.unwrap();
    comes_back(&router).await;
    eventually("the relay announces itself", async || relay.announce(&lease("tom", 7)).await.is_ok()).await;
    let establish = request("r2");
    let relayed = async { next_establish(&mut asks).await.1.reply(opened("s2")).await };
    // Whoever is announced on a connection is subscribed on it.
    let (outcome, delivered) = tokio::join!(router.ask("tom", 7, &establish, PATIENCE), relayed);
    assert_eq!(outcome.unwrap(), opened("s2"));
    assert!(delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_is_given_up_and_found_again() {
    let server = RedisServer::start().await.unwrap();
    let router = open(&config(&server)).await.unwrap();
    let relay = open(&config(&server)).await.unwrap();
    let mut asks = relay.serve("tom", 7).await.unwrap();
    server.freeze().await.unwrap();
    // The connection is open and silent: each command says so in its time.
    for (command, result) in all_commands(&router).await {
        assert!(result.unwrap_err().is_unreachable(), "{command}");
    }
    eventually("the connection is given up", async || !router.stats().reachable && !relay.stats().reachable)
        .await;
    server.thaw().await.unwrap();
    comes_back(&router).await;
    // What was asked while it was frozen comes late, if at all, and its cancel with it.
    eventually("the relay is subscribed again", async || relay.stats().reachable).await;
    let router = router.clone();
    let ask = tokio::spawn(async move { router.ask("tom", 7, &request("after"), PATIENCE).await });
    loop {
        let message = timeout(PATIENCE, asks.next()).await.unwrap().unwrap();
        if let polysocket_registry::Message::Establish(establish, replier) = message
            && establish.request_id == "after"
        {
            assert!(replier.reply(opened("s1")).await);
            break;
        }
    }
    assert_eq!(ask.await.unwrap().unwrap(), opened("s1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_accepts_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for scheme in ["redis", "rediss"] {
        let url = format!("{scheme}://{}", silent.local_addr().unwrap());
        let config = RegistryConfig { url, ..RegistryConfig::default() };
        let registry = timeout(PATIENCE, open(&config)).await.expect("it does not hang").unwrap();
        let error = registry.ping().await.unwrap_err();
        assert!(error.is_unreachable() && error.to_string().contains(scheme), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_to_a_server_without_it_is_an_error_and_not_a_panic() {
    let server = RedisServer::start().await.unwrap();
    let config = RegistryConfig { url: format!("rediss://127.0.0.1:{}", server.port()), ..config(&server) };
    let registry = open(&config).await.unwrap();
    // The keeper has tried and goes on trying.
    eventually("it says why", async || {
        let error = registry.ping().await.unwrap_err();
        assert!(error.is_unreachable());
        !error.to_string().contains("not connected yet")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_without_saying_it() {
    let (_server, config) = with_password("hunter2").await;
    let url = config.url.replace("hunter2", "hunter3");
    let registry = open(&RegistryConfig { url, ..config }).await.unwrap();
    eventually("it says why", async || {
        let text = registry.ping().await.unwrap_err().to_string();
        assert!(!text.contains("hunter"), "{text}");
        text.to_lowercase().contains("password")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_the_server_refuses_is_not_called_unreachable() {
    let server = RedisServer::start().await.unwrap();
    let registry = open(&config(&server)).await.unwrap();
    let mut connection =
        redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let full: () =
        redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]).query_async(&mut connection).await.unwrap();
    assert_eq!(full, ());
    let error = registry.announce(&lease("tom", 7)).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
    assert!(registry.stats().reachable);
}

/// The name leads to another server now, as after a failover by DNS, and the connections to the old one stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_becomes_a_replica_is_left() {
    let (old, new) = (RedisServer::start().await.unwrap(), RedisServer::start().await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let leads_to = Arc::new(AtomicU16::new(old.port()));
    let leads = leads_to.clone();
    let way = tokio::spawn(async move {
        loop {
            let (mut here, _) = listener.accept().await.unwrap();
            let mut there = TcpStream::connect(("127.0.0.1", leads.load(Ordering::Relaxed))).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut here, &mut there).await });
        }
    });
    let registry = open(&RegistryConfig { url, ..config(&old) }).await.unwrap();
    registry.announce(&lease("tom", 7)).await.unwrap();
    leads_to.store(new.port(), Ordering::Relaxed);
    let mut connection =
        redis::Client::open(old.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let demoted = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(new.port()).query_async(&mut connection).await;
    assert_eq!(demoted, Ok(()));
    eventually("it is announced to the new one", async || registry.announce(&lease("tom", 7)).await.is_ok())
        .await;
    assert!(registry.stats().reachable);
    way.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_is_cancelled_between_processes() {
    let server = RedisServer::start().await.unwrap();
    let router = open(&config(&server)).await.unwrap();
    let relay = open(&config(&server)).await.unwrap();
    let mut asks = relay.serve("tom", 7).await.unwrap();
    // An answer that is on its way when its asker leaves: the relay hears that its socket is nobody's.
    let (_, replier) = {
        let establish = request("r1");
        let ask = router.ask("tom", 7, &establish, PATIENCE);
        tokio::select! {
            heard = next_establish(&mut asks) => heard,
            _ = ask => panic!("nobody has answered"),
        }
    };
    assert_eq!(next_cancel(&mut asks).await, "r1");
    assert!(!replier.reply(opened("s1")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_registry_leaves_nothing_behind() {
    let server = RedisServer::start().await.unwrap();
    let watcher = open(&config(&server)).await.unwrap();
    let registry = open(&config(&server)).await.unwrap();
    let mut asks = registry.serve("tom", 7).await.unwrap();
    drop(registry);
    let ended = timeout(PATIENCE, asks.next()).await.expect("an end");
    assert!(ended.is_none());
    eventually("nobody listens", async || {
        // What it has not closed yet takes messages that nobody reads.
        let ask = watcher.ask("tom", 7, &request("r1"), Duration::from_millis(200)).await;
        matches!(ask, Err(AskError::NoSuchNode { .. }))
    })
    .await;
}
