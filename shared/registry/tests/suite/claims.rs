//! Claims on nonces.

use std::time::Duration;

use futures_util::future::join_all;
use polysocket_registry::{Claim, RegistryError};
use polysocket_tests::patience::eventually;

use super::bed::Bed;

const LONG: Duration = Duration::from_secs(60);

fn claim(node: &str, request_id: &str) -> Claim {
    Claim { node: node.to_owned(), boot: u64::MAX, request_id: request_id.to_owned() }
}

pub async fn the_first_writer_wins(bed: Bed) {
    let claims = (0..50).map(|n| {
        let registry = if n % 2 == 0 { bed.router.clone() } else { bed.relay.clone() };
        tokio::spawn(async move {
            let mine = claim("tom", &format!("r{n}"));
            registry.claim("nonce-0123456789", &mine, LONG).await.map(|standing| (mine, standing))
        })
    });
    let claims: Vec<(Claim, Claim)> =
        join_all(claims).await.into_iter().map(|claim| claim.unwrap().unwrap()).collect();
    let standing = &claims[0].1;
    assert!(claims.iter().all(|(_, seen)| seen == standing), "all see one");
    assert!(claims.iter().any(|(mine, _)| mine == standing), "and one of them wrote it");
    let other = claim("anna", "r0");
    assert_eq!(bed.router.claim("another-nonce-012", &other, LONG).await.unwrap(), other);
    for nonce in ["", &"n".repeat(65)] {
        assert!(matches!(bed.router.claim(nonce, &other, LONG).await, Err(RegistryError::Invalid(_))));
    }
}

pub async fn a_claim_ends(bed: Bed) {
    let (first, second) = (claim("tom", "r1"), claim("tom", "r2"));
    let ttl = Duration::from_millis(200);
    assert_eq!(bed.router.claim("nonce-0123456789", &first, ttl).await.unwrap(), first);
    assert_eq!(bed.relay.claim("nonce-0123456789", &second, ttl).await.unwrap(), first);
    eventually("the nonce is free again", async || {
        bed.relay.claim("nonce-0123456789", &second, LONG).await.unwrap() == second
    })
    .await;
}

pub async fn only_a_stale_claim_is_replaced(bed: Bed) {
    let (first, second, third) = (claim("tom", "r1"), claim("anna", "r1"), claim("ben", "r1"));
    let nonce = "nonce-0123456789";
    assert_eq!(bed.router.claim(nonce, &first, LONG).await.unwrap(), first);
    assert_eq!(bed.router.reclaim(nonce, &second, &third, LONG).await.unwrap(), first);
    assert_eq!(bed.router.reclaim(nonce, &first, &second, LONG).await.unwrap(), second);
    assert_eq!(bed.relay.reclaim(nonce, &first, &third, LONG).await.unwrap(), second, "too late");
    assert_eq!(bed.relay.claim(nonce, &third, LONG).await.unwrap(), second);
    assert_eq!(bed.relay.reclaim("never-claimed-0123", &first, &third, LONG).await.unwrap(), third);
}

pub async fn one_of_many_replaces_a_stale_claim(bed: Bed) {
    let stale = claim("gone", "r0");
    bed.router.claim("nonce-0123456789", &stale, LONG).await.unwrap();
    let claims = (0..20).map(|n| {
        let (registry, stale) = (bed.router.clone(), stale.clone());
        tokio::spawn(async move {
            let mine = claim("tom", &format!("r{n}"));
            registry.reclaim("nonce-0123456789", &stale, &mine, LONG).await
        })
    });
    let standing: Vec<Claim> =
        join_all(claims).await.into_iter().map(|claim| claim.unwrap().unwrap()).collect();
    assert_eq!(standing[0].node, "tom");
    assert!(standing.iter().all(|claim| *claim == standing[0]));
}
