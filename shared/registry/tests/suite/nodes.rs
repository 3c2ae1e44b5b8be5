//! Leases of nodes.

use polysocket_registry::{RegistryError, limits::NODES_MAX};
use polysocket_tests::patience::eventually;

use super::bed::Bed;
use crate::common::lease;

pub async fn a_lease_says_what_was_announced(bed: Bed) {
    let bed = bed.with_long_leases().await;
    assert_eq!(bed.router.nodes().await.unwrap(), []);
    let mut tom = lease("tom", u64::MAX);
    bed.relay.announce(&tom).await.unwrap();
    bed.relay.announce(&lease("anna", 0)).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap(), [lease("anna", 0), tom.clone()]);
    (tom.sessions, tom.draining, tom.renewals) = (18, true, 4);
    bed.relay.announce(&tom).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap(), [lease("anna", 0), tom]);
}

pub async fn a_lease_ends_unless_renewed(bed: Bed) {
    bed.relay.announce(&lease("kept", 1)).await.unwrap();
    bed.relay.announce(&lease("left", 1)).await.unwrap();
    let mut looks = 0;
    eventually("the lease that is not renewed ends", async || {
        bed.relay.announce(&lease("kept", 1)).await.unwrap();
        let nodes = bed.router.nodes().await.unwrap();
        assert!(nodes.contains(&lease("kept", 1)));
        looks += 1;
        nodes.len() == 1
    })
    .await;
    assert!(looks > 1, "it stood for a while");
    eventually("the other one ends too", async || bed.router.nodes().await.unwrap().is_empty()).await;
}

pub async fn only_its_own_incarnation_withdraws_a_lease(bed: Bed) {
    let bed = bed.with_long_leases().await;
    bed.relay.announce(&lease("tom", 1)).await.unwrap();
    bed.relay.announce(&lease("tom", 2)).await.unwrap();
    bed.relay.withdraw("tom", 1).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap(), [lease("tom", 2)]);
    bed.relay.withdraw("tom", 2).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap(), []);
    bed.relay.withdraw("tom", 2).await.unwrap();
}

pub async fn the_latest_incarnation_holds_the_lease(bed: Bed) {
    let bed = bed.with_long_leases().await;
    // As text, or as a float, these would compare otherwise.
    for (earlier, later) in [(9, 10), (u64::MAX - 1, u64::MAX)] {
        bed.relay.announce(&lease("tom", earlier)).await.unwrap();
        bed.relay.announce(&lease("tom", later)).await.unwrap();
        let superseded = bed.relay.announce(&lease("tom", earlier)).await;
        assert_eq!(superseded, Err(RegistryError::Superseded { node: "tom".to_owned() }));
        assert_eq!(bed.router.nodes().await.unwrap(), [lease("tom", later)]);
    }
    bed.relay.withdraw("tom", u64::MAX).await.unwrap();
    bed.relay.announce(&lease("tom", 9)).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap(), [lease("tom", 9)]);
}

pub async fn one_node_too_many_is_refused(bed: Bed) {
    let bed = bed.with_long_leases().await;
    for n in 0..NODES_MAX {
        bed.relay.announce(&lease(&format!("n{n}"), 1)).await.unwrap();
    }
    let full = bed.relay.announce(&lease("one-more", 1)).await;
    assert_eq!(full, Err(RegistryError::Full { what: "nodes", max: NODES_MAX }));
    bed.relay.announce(&lease("n0", 2)).await.unwrap();
    assert_eq!(bed.router.nodes().await.unwrap().len(), NODES_MAX);
}

pub async fn a_bad_name_is_refused(bed: Bed) {
    for name in ["", "Tom", "a.b", "a}b", "ä", &"x".repeat(33)] {
        let invalid = |result: Result<(), RegistryError>| matches!(result, Err(RegistryError::Invalid(_)));
        assert!(invalid(bed.relay.announce(&lease(name, 1)).await), "{name}");
        assert!(invalid(bed.relay.withdraw(name, 1).await), "{name}");
        assert!(invalid(bed.relay.serve(name, 1).await.map(drop)), "{name}");
    }
}
