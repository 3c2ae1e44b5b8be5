//! Sockets that nobody fetches.

use std::collections::HashSet;
use std::time::Duration;

use polysocket_tests::admin::resident_bytes;
use polysocket_tests::client::{Create, create};
use tokio::task::JoinSet;

use crate::{Bed, json, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_abandoned_creates_leave_nothing_behind() {
    const CREATES: usize = 10_000;
    const AT_ONCE: usize = 32;
    let mut bed = Bed::with(&[
        ("limits", "first_receiver_time = \"2s\""),
        ("admin", "listen = \"127.0.0.1:0\""),
        // Fewer lines than the harness keeps.
        ("log", "level = \"info\""),
    ])
    .await;
    let before = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (http, router, target) = (bed.http.clone(), bed.router(), bed.upstream.url("/echo"));
        workers.spawn(async move {
            let mut sockets = Vec::new();
            for _ in 0..CREATES.div_ceil(AT_ONCE) {
                let wish = Create {
                    router: router.clone(),
                    target: target.clone(),
                    hold: true,
                    ..Create::default()
                };
                sockets.push(create(&http, &wish).await.unwrap().socket);
            }
            sockets
        });
    }
    let mut sockets = HashSet::new();
    while let Some(made) = workers.join_next().await {
        let made = made.unwrap_or_else(|e| {
            let log = bed.cluster.routers[0].process().log();
            let refused: Vec<_> = log.lines().filter(|line| line.contains("no-capacity")).take(5).collect();
            panic!("{e}: {refused:#?}")
        });
        sockets.extend(made);
    }
    assert!(sockets.len() >= CREATES, "ids repeat");
    let at_most = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    let opened = bed.admin.metric("polysocket_relay_opened_total").await.unwrap();
    assert!(opened >= 10_000.0, "{opened}");
    bed.admin
        .until("polysocket_relay_sessions", Duration::from_secs(15), |sessions| sessions == 0.0)
        .await
        .unwrap();
    let after = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    let mib = |bytes: u64| bytes / 1024 / 1024;
    println!("MiB before {}, with the sockets {}, after {}", mib(before), mib(at_most), mib(after));
    // 10,000 sessions of a few KiB each are what there is while they live.
    assert!(at_most < before + 100 * 1024 * 1024, "{} MiB", mib(at_most));
    assert!(after < before + 60 * 1024 * 1024, "{} MiB, {} before", mib(after), mib(before));
    assert_eq!(bed.upstream.seen().len(), 0, "a held target is not dialled");

    let log = bed.cluster.routers[0].process().log();
    let words: HashSet<&str> =
        log.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).collect();
    for socket in &sockets {
        assert!(!words.contains(secret_of(socket)), "a socket id is in the log");
    }
    let socket = sockets.into_iter().next().unwrap();
    let gone = bed.get(&format!("{}/j/{socket}?v=1", bed.router())).await;
    assert_eq!((gone.head.status(), json(&gone)["code"].as_str()), (403, Some("gone")));
    bed.is_unharmed(&[]).await;
}
