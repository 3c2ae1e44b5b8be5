//! Questions of routers and answers of relays.

use std::time::Duration;

use futures_util::future::join_all;
use polysocket_registry::{AskError, Message, Outcome, RegistryError};
use polysocket_tests::patience::eventually;
use tokio::time::timeout;

use super::bed::Bed;
use crate::common::{PATIENCE, next, next_cancel, next_establish, opened, request};

const LONG: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(200);

pub async fn an_ask_is_answered(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    for (wait, budget_ms) in [(LONG, 4500), (Duration::from_secs(4), 4000)] {
        let establish = request("r1");
        let ask = bed.router.ask("tom", 7, &establish, wait);
        let relay = async {
            let (heard, replier) = next_establish(&mut asks).await;
            let mut said = request("r1");
            said.budget_ms = budget_ms;
            assert!(heard == said, "what was asked, with the lesser of budget and wait");
            assert_eq!(replier.request_id(), "r1");
            assert!(!replier.is_cancelled());
            assert!(replier.reply(opened("s1")).await);
        };
        let (outcome, ()) = tokio::join!(ask, relay);
        assert_eq!(outcome.unwrap(), opened("s1"));
    }
    assert_eq!(bed.router.stats().asks_waiting, 0);
}

pub async fn nobody_listens_is_known_at_once(bed: Bed) {
    let asks = bed.relay.serve("tom", 7).await.unwrap();
    for (node, boot) in [("anna", 7), ("tom", 8)] {
        let nobody = timeout(PATIENCE / 2, bed.router.ask(node, boot, &request("r1"), PATIENCE)).await;
        assert_eq!(nobody.unwrap(), Err(AskError::NoSuchNode { node: node.to_owned() }));
    }
    drop(asks);
    eventually("the node does not listen any more", async || {
        let ask = bed.router.ask("tom", 7, &request("r1"), SHORT).await;
        matches!(ask, Err(AskError::NoSuchNode { .. }))
    })
    .await;
}

pub async fn a_timeout_cancels(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let timed_out = bed.router.ask("tom", 7, &request("r1"), SHORT).await;
    assert_eq!(timed_out, Err(AskError::TimedOut { node: "tom".to_owned() }));
    let (_, replier) = next_establish(&mut asks).await;
    timeout(PATIENCE, replier.cancelled()).await.expect("the relay learns of it");
    assert!(!replier.reply(opened("s1")).await, "nobody waits");
    assert_eq!(next_cancel(&mut asks).await, "r1");
    assert_eq!(bed.router.stats().asks_waiting, 0);
}

pub async fn a_dropped_ask_cancels(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let router = bed.router.clone();
    let ask = tokio::spawn(async move { router.ask("tom", 7, &request("r1"), LONG).await });
    let (_, replier) = next_establish(&mut asks).await;
    assert!(!replier.is_cancelled());
    ask.abort();
    assert_eq!(next_cancel(&mut asks).await, "r1");
    assert!(replier.is_cancelled(), "long before its deadline");
    timeout(PATIENCE, replier.cancelled()).await.expect("at once");
    assert_eq!(bed.router.stats().asks_waiting, 0);
}

pub async fn all_askers_of_a_request_are_answered(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let establish = request("r1");
    // A client that repeats its create reaches any router.
    let first = bed.router.ask("tom", 7, &establish, LONG);
    let second = bed.relay.ask("tom", 7, &establish, LONG);
    let relay = async {
        let (_, one) = next_establish(&mut asks).await;
        let (_, other) = next_establish(&mut asks).await;
        assert!(one.reply(opened("s1")).await);
        assert!(other.reply(opened("s1")).await);
    };
    let (first, second, ()) = tokio::join!(first, second, relay);
    assert_eq!(first.unwrap(), opened("s1"));
    assert_eq!(second.unwrap(), opened("s1"));
}

pub async fn a_cancel_waits_for_the_last_asker(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let (impatient, patient, other) = (request("r1"), request("r1"), request("r2"));
    let patient = bed.router.ask("tom", 7, &patient, LONG);
    let relay = async {
        let (_, first) = next_establish(&mut asks).await;
        let left = bed.relay.ask("tom", 7, &impatient, SHORT).await;
        assert!(matches!(left, Err(AskError::TimedOut { .. })));
        let (_, second) = next_establish(&mut asks).await;
        timeout(PATIENCE, second.cancelled()).await.expect("it left");
        assert!(!first.is_cancelled());
        // What comes next is not a cancel.
        let marker = bed.relay.ask("tom", 7, &other, SHORT).await;
        assert!(matches!(marker, Err(AskError::TimedOut { .. })));
        assert_eq!(next_establish(&mut asks).await.0.request_id, "r2");
        assert_eq!(next_cancel(&mut asks).await, "r2");
        assert!(first.reply(opened("s1")).await);
    };
    let (outcome, ()) = tokio::join!(patient, relay);
    assert_eq!(outcome.unwrap(), opened("s1"));
}

pub async fn a_dropped_replier_answers(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let establish = request("r1");
    let ask = bed.router.ask("tom", 7, &establish, LONG);
    let (outcome, ()) = tokio::join!(ask, async { drop(next_establish(&mut asks).await) });
    let Outcome::Failed { word, .. } = outcome.unwrap() else { panic!("nothing was opened") };
    assert_eq!(word, "no-capacity");
}

pub async fn two_hundred_asks_at_once(bed: Bed) {
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let relay = tokio::spawn(async move {
        let mut repliers = Vec::new();
        for _ in 0..200 {
            repliers.push(next_establish(&mut asks).await.1);
        }
        // The last one asked is answered first.
        for replier in repliers.into_iter().rev() {
            let socket = format!("socket of {}", replier.request_id());
            assert!(replier.reply(opened(&socket)).await);
        }
        asks
    });
    let routers = join_all((0..200).map(|n| {
        let router = bed.router.clone();
        tokio::spawn(async move {
            let id = format!("r{n}");
            (router.ask("tom", 7, &request(&id), LONG).await, id)
        })
    }));
    for routed in routers.await {
        let (outcome, id) = routed.unwrap();
        assert_eq!(outcome.unwrap(), opened(&format!("socket of {id}")));
    }
    let mut asks = relay.await.unwrap();
    // Nobody who was answered cancels: the next message is the next ask.
    let _ = bed.router.ask("tom", 7, &request("after"), SHORT).await;
    assert!(matches!(next(&mut asks).await, Message::Establish(after, _) if after.request_id == "after"));
    assert_eq!(bed.router.stats().asks_waiting, 0);
}

pub async fn a_channel_is_served_once(bed: Bed) {
    let asks = bed.relay.serve("tom", 7).await.unwrap();
    assert!(matches!(bed.relay.serve("tom", 7).await, Err(RegistryError::Invalid(_))));
    drop(asks);
    let mut asks = bed.relay.serve("tom", 7).await.unwrap();
    let establish = request("r1");
    let ask = bed.router.ask("tom", 7, &establish, LONG);
    let relay = async { next_establish(&mut asks).await.1.reply(opened("s1")).await };
    let (outcome, delivered) = tokio::join!(ask, relay);
    assert!(delivered);
    assert_eq!(outcome.unwrap(), opened("s1"));
}
