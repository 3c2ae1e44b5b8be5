//! What a token may have.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use polysocket_registry::{Admission, Registry, RegistryError, SocketLease, Verdict};
use polysocket_tests::patience::eventually;
use tokio::time::{Instant, sleep};

use super::bed::Bed;
use crate::common::socket_lease;

fn sockets(lease: &SocketLease, max: u32) -> Admission {
    Admission { lease: lease.clone(), sockets_max: Some(max), creates_per_second: None }
}

fn creates(id: &str, per_second: f64) -> Admission {
    Admission { lease: socket_lease("acme", id), sockets_max: None, creates_per_second: Some(per_second) }
}

async fn admitted(registry: &Arc<dyn Registry>, admission: &Admission) -> bool {
    registry.admit(admission).await.unwrap() == Verdict::Admitted
}

pub async fn sockets_are_counted_exactly(bed: Bed) {
    let bed = bed.with_long_leases().await;
    let verdicts = join_all((0..100).map(|n| {
        let registry = if n % 2 == 0 { bed.router.clone() } else { bed.relay.clone() };
        let admission = sockets(&socket_lease("acme", &format!("l{n}")), 10);
        tokio::spawn(async move { registry.admit(&admission).await.unwrap() })
    }));
    let verdicts: Vec<Verdict> = verdicts.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Admitted).count(), 10);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::TooManySockets).count(), 90);
    assert!(!admitted(&bed.router, &sockets(&socket_lease("idle", "l"), 0)).await);
}

pub async fn what_expires_or_is_released_is_free(bed: Bed) {
    let (first, second, third) =
        (socket_lease("acme", "1"), socket_lease("acme", "2"), socket_lease("acme", "3"));
    assert!(admitted(&bed.router, &sockets(&first, 1)).await);
    assert!(!admitted(&bed.router, &sockets(&second, 1)).await);
    bed.relay.release(&[first, socket_lease("acme", "never"), socket_lease("nobody", "1")]).await.unwrap();
    assert!(admitted(&bed.router, &sockets(&second, 1)).await);
    assert!(!admitted(&bed.router, &sockets(&third, 1)).await);
    eventually("the lease of a node that has gone ends", async || {
        admitted(&bed.router, &sockets(&third, 1)).await
    })
    .await;
}

pub async fn what_is_renewed_stays(bed: Bed) {
    let (kept, left) = (socket_lease("acme", "kept"), socket_lease("acme", "left"));
    assert!(admitted(&bed.router, &sockets(&kept, 2)).await);
    assert!(admitted(&bed.router, &sockets(&left, 2)).await);
    let begun = Instant::now();
    let mut admitted_more = 0;
    // Three lives of a lease. Each that is admitted takes the place of `left` and then ends itself.
    while begun.elapsed() < 3 * bed.config.socket_lease_time.as_duration() {
        bed.relay.renew(std::slice::from_ref(&kept)).await.unwrap();
        let more = socket_lease("acme", &format!("more{admitted_more}"));
        if admitted(&bed.router, &sockets(&more, 2)).await {
            admitted_more += 1;
        }
        assert!(!admitted(&bed.router, &sockets(&socket_lease("acme", "third"), 1)).await, "`kept` stays");
        sleep(bed.config.renew_every.as_duration()).await;
    }
    assert!((1..=3).contains(&admitted_more), "{admitted_more} have taken the other place");
}

pub async fn a_renewal_puts_back_what_was_lost(bed: Bed) {
    let bed = bed.with_long_leases().await;
    // More than one command carries, of holders that take turns.
    let leases: Vec<SocketLease> =
        (0..2500).map(|n| socket_lease(&format!("h{}", n % 3), &format!("l{n}"))).collect();
    bed.relay.renew(&leases).await.unwrap();
    for (holder, count) in [("h0", 834), ("h1", 833), ("h2", 833)] {
        let next = socket_lease(holder, "next");
        assert!(!admitted(&bed.router, &sockets(&next, count)).await, "{holder}");
        assert!(admitted(&bed.router, &sockets(&next, count + 1)).await, "{holder}");
    }
    bed.relay.release(&leases).await.unwrap();
    assert!(admitted(&bed.router, &sockets(&socket_lease("h0", "more"), 2)).await);
    bed.relay.renew(&[]).await.unwrap();
}

pub async fn a_repeat_is_free(bed: Bed) {
    let bed = bed.with_long_leases().await;
    let admission = Admission {
        lease: socket_lease("acme", "1"),
        sockets_max: Some(1),
        creates_per_second: Some(1.0 / 3600.0),
    };
    for _ in 0..5 {
        assert!(admitted(&bed.router, &admission).await);
    }
    assert!(admitted(&bed.relay, &sockets(&socket_lease("acme", "2"), 2)).await, "it was counted once");
}

pub async fn creates_are_limited_per_second(bed: Bed) {
    let bed = bed.with_long_leases().await;
    let verdicts = join_all((0..100).map(|n| {
        let registry = bed.router.clone();
        // One in a minute, however long a hundred take.
        tokio::spawn(async move { registry.admit(&creates(&format!("a{n}"), 1.0 / 60.0)).await.unwrap() })
    }));
    let verdicts: Vec<Verdict> = verdicts.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Admitted).count(), 1);
    for verdict in verdicts {
        if let Verdict::TooManyCreates { retry_after_ms } = verdict {
            assert!((45_000..=60_000).contains(&retry_after_ms), "{retry_after_ms}");
        }
    }

    // A burst of four and then one each 250 ms: never more than that, and it does go on.
    let four = |n: u32| Admission { lease: socket_lease("four", &n.to_string()), ..creates("", 4.0) };
    let begun = Instant::now();
    let mut count = 0;
    while count < 7 {
        match bed.router.admit(&four(count)).await.unwrap() {
            Verdict::TooManyCreates { retry_after_ms } => {
                assert!(count >= 4, "the burst is four");
                assert!((1..=250).contains(&retry_after_ms), "{retry_after_ms}");
                sleep(Duration::from_millis(retry_after_ms)).await;
            }
            Verdict::Admitted => count += 1,
            Verdict::TooManySockets => panic!("there is no limit"),
        }
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(750 - 5),
        "{:?} for three beyond the burst",
        begun.elapsed()
    );
}

pub async fn a_refusal_costs_nothing(bed: Bed) {
    let bed = bed.with_long_leases().await;
    let both = |id: &str, max| Admission { sockets_max: Some(max), ..creates(id, 1.0 / 60.0) };
    assert_eq!(bed.router.admit(&both("1", 0)).await.unwrap(), Verdict::TooManySockets);
    assert_eq!(bed.router.admit(&both("1", 1)).await.unwrap(), Verdict::Admitted, "no create was charged");
    assert!(matches!(bed.router.admit(&both("2", 2)).await.unwrap(), Verdict::TooManyCreates { .. }));
    assert!(admitted(&bed.router, &sockets(&socket_lease("acme", "3"), 2)).await, "no socket was counted");
}

pub async fn a_rate_of_zero_admits_nothing(bed: Bed) {
    assert!(matches!(bed.router.admit(&creates("1", 0.0)).await.unwrap(), Verdict::TooManyCreates { .. }));
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(matches!(bed.router.admit(&creates("1", wrong)).await, Err(RegistryError::Invalid(_))));
    }
}

pub async fn holders_are_apart(bed: Bed) {
    let bed = bed.with_long_leases().await;
    let holders = ["acme", "}", "{acme}", "a}b", "a%7Db", "ключ", "a b\n\0", &"h".repeat(256)];
    for holder in holders {
        let admission = Admission { creates_per_second: Some(0.1), ..sockets(&socket_lease(holder, "1"), 1) };
        assert!(admitted(&bed.router, &admission).await, "{holder:?}");
    }
    for holder in holders {
        assert!(!admitted(&bed.relay, &sockets(&socket_lease(holder, "2"), 1)).await, "{holder:?}");
    }
    for wrong in [socket_lease("", "1"), socket_lease("acme", ""), socket_lease(&"h".repeat(257), "1")] {
        assert!(matches!(bed.router.admit(&sockets(&wrong, 1)).await, Err(RegistryError::Invalid(_))));
        assert!(matches!(
            bed.relay.renew(std::slice::from_ref(&wrong)).await,
            Err(RegistryError::Invalid(_))
        ));
        assert!(matches!(bed.relay.release(&[wrong]).await, Err(RegistryError::Invalid(_))));
    }
}
