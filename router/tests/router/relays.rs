//! Relays that are gone, full, or have bad news.

use tokio::time::Instant;

use crate::bed::{Bed, CREATE, CREATE_V1, memory};
use crate::relay::{Does, Heard, Relay, lease};

#[tokio::test(start_paused = true)]
async fn what_a_relay_says_is_passed_on() {
    let table = [
        ("upstream-refused", "upstream-refused", false),
        ("timeout", "timeout", false),
        ("forbidden", "forbidden", false),
        ("bad-target", "bad-target", false),
        ("no-capacity", "no-capacity", true),
        ("of-a-later-release", "no-capacity", false),
        ("busy", "no-capacity", false),
    ];
    for (said, word, elsewhere) in table {
        let registry = memory();
        let bed = Bed::with(registry.clone(), |_| ());
        let mut tom = Relay::start(&registry, "tom", Does::Fail(said)).await;
        let mut ann = Relay::start(&registry, "ann", Does::Fail(said)).await;
        let answer = bed.get(CREATE_V1).await;
        answer.refused(word);
        assert!(!answer.body.contains("as it was told"), "the relay's detail is for logs");
        let asked = usize::from(!tom.heard_nothing()) + usize::from(!ann.heard_nothing());
        assert_eq!(asked, if elsewhere { 2 } else { 1 }, "{said}");
        assert_eq!(bed.creates(word), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_hangs_is_passed_over_where_nothing_is_dialled() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let mut large = lease("large", 1);
    large.capacity = u32::MAX;
    let mut hangs = Relay::with(&registry, large, Does::Wait).await;
    let _small = Relay::start(&registry, "small", Does::Open).await;
    let begun = Instant::now();
    let answer = bed.get(&format!("{CREATE_V1}&hold=1")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("small.example"), "{}", answer.body);
    assert!(!hangs.heard_nothing() && begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn once_more_elsewhere() {
    for gone in [true, false] {
        let registry = memory();
        let bed = Bed::with(registry.clone(), |_| ());
        // Drawn first, as it is four million times as large.
        let mut large = lease("large", 1);
        large.capacity = u32::MAX;
        let full = if gone {
            registry.announce(&large).await.unwrap();
            None
        } else {
            Some(Relay::with(&registry, large, Does::Fail("no-capacity")).await)
        };
        let _small = Relay::start(&registry, "small", Does::Open).await;
        let mut retried = 0;
        // One that refused comes last until it renews.
        for _ in 0..20 {
            assert!(bed.get(CREATE).await.socket().starts_with("small."));
            let now = bed.metric("polysocket_router_placements_retried_total", "");
            retried = retried.max(now);
        }
        assert_eq!(retried, 1, "it is not asked again and again");
        drop(full);
    }
}

#[tokio::test(start_paused = true)]
async fn only_once_more() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    for node in ["one", "two", "three", "four"] {
        Relay::ghost(&registry, node).await;
    }
    bed.get(CREATE).await.refused("no-capacity");
    assert_eq!(bed.metric("polysocket_router_placements_retried_total", ""), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_to_ask() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    bed.get(CREATE).await.refused("no-capacity");
    // One that has just come is found at once: an empty table is looked at again.
    let tom = Relay::start(&registry, "tom", Does::Open).await;
    let began = Instant::now();
    assert_eq!(bed.get(CREATE).await.status, 200);
    assert_eq!(began.elapsed().as_millis(), 0);
    drop(tom);

    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let (mut draining, mut full) = (lease("draining", 1), lease("full", 1));
    draining.draining = true;
    full.sessions = full.capacity;
    let mut draining = Relay::with(&registry, draining, Does::Open).await;
    let mut full = Relay::with(&registry, full, Does::Open).await;
    bed.get(CREATE).await.refused("no-capacity");
    bed.get(&format!("{CREATE_V1}&nonce=0123456789abcdef")).await.refused("no-capacity");
    assert!(draining.heard_nothing() && full.heard_nothing());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_says_nothing() {
    for more in ["", "&nonce=0123456789abcdef"] {
        let registry = memory();
        let bed = Bed::with(registry.clone(), |_| ());
        let mut tom = Relay::start(&registry, "tom", Does::Wait).await;
        let mut ann = Relay::start(&registry, "ann", Does::Wait).await;
        let began = Instant::now();
        bed.get(&format!("{CREATE_V1}{more}")).await.refused("timeout");
        assert_eq!(began.elapsed().as_secs(), 5);
        let (asked, relay, other) = tokio::select! {
            asked = tom.asked() => (asked, &mut tom, &mut ann),
            asked = ann.asked() => (asked, &mut ann, &mut tom),
        };
        assert!(matches!(relay.hears().await, Heard::Cancelled(id) if id == asked.request_id));
        assert!(relay.heard_nothing());
        assert!(other.heard_nothing(), "it would be no better there");
    }
}
