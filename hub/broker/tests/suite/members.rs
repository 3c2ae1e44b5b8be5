//! Who is there.

use polysocket_broker::{BrokerError, Member, PresenceChange, SubscribeOptions};
use polysocket_tests::patience::eventually;

use super::bed::Bed;
use crate::common::recorder::{Heard, Recorder, listen, listen_as};
use crate::common::topic;

fn member(id: &str, info: &str) -> Member {
    Member { id: id.into(), info: info.into() }
}

fn changes(recorder: &Recorder) -> Vec<PresenceChange> {
    let change = |heard| match heard {
        Heard::Presence(change) => Some(change),
        _ => None,
    };
    recorder.log().into_iter().filter_map(change).collect()
}

async fn until_changes(recorder: &Recorder, count: usize) {
    let is = |heard: &&Heard| matches!(heard, Heard::Presence(_));
    recorder.until(&format!("{count} changes"), |log| log.iter().filter(is).count() >= count).await;
}

pub async fn members_come_and_go(bed: Bed) {
    let t = topic("room");
    let (watcher, _watcher) = listen(&bed.a, &t).await;
    let (_, anna) = listen_as(&bed.a, &t, "1", r#"{"name":"Anna é"}"#).await;
    until_changes(&watcher, 1).await;
    let (_, bob) = listen_as(&bed.b, &t, "2", "").await;
    until_changes(&watcher, 2).await;
    for broker in [&bed.a, &bed.b] {
        let all = broker.members(&t).await.unwrap();
        assert_eq!(all, [member("1", r#"{"name":"Anna é"}"#), member("2", "")]);
    }
    drop(anna);
    until_changes(&watcher, 3).await;
    drop(bob);
    until_changes(&watcher, 4).await;
    let expected = [
        PresenceChange::Joined(member("1", r#"{"name":"Anna é"}"#)),
        PresenceChange::Joined(member("2", "")),
        PresenceChange::Left(member("1", r#"{"name":"Anna é"}"#)),
        PresenceChange::Left(member("2", "")),
    ];
    assert_eq!(changes(&watcher), expected);
    assert!(bed.b.members(&t).await.unwrap().is_empty());
}

pub async fn a_member_is_there_until_its_last_subscription_ends(bed: Bed) {
    let t = topic("twice");
    let (watcher, _watcher) = listen(&bed.b, &t).await;
    let (_, first) = listen_as(&bed.a, &t, "1", "a").await;
    let (_, second) = listen_as(&bed.a, &t, "1", "a").await;
    let (_, third) = listen_as(&bed.a, &t, "1", "b").await;
    drop(first);
    drop(third);
    until_changes(&watcher, 2).await;
    assert_eq!(bed.b.members(&t).await.unwrap(), [member("1", "b")]);
    drop(second);
    eventually("it has gone", async || bed.b.members(&t).await.unwrap().is_empty()).await;
    until_changes(&watcher, 3).await;
    let joined = |info| PresenceChange::Joined(member("1", info));
    assert_eq!(changes(&watcher), [joined("a"), joined("b"), PresenceChange::Left(member("1", "b"))]);
}

pub async fn there_are_not_too_many_members(bed: Bed) {
    let bed = bed.with(|config| config.members_max = 2).await;
    let t = topic("full");
    let (_, _one) = listen_as(&bed.a, &t, "1", "").await;
    let (_, two) = listen_as(&bed.b, &t, "2", "").await;
    let three = SubscribeOptions { since: None, member: Some(member("3", "")) };
    let refused = bed.a.subscribe(&t, Recorder::new(), three.clone()).await.unwrap_err();
    assert!(matches!(refused, BrokerError::TooMany { max: 2, .. }), "{refused}");
    drop(two);
    eventually("there is room", async || bed.b.subscribe(&t, Recorder::new(), three.clone()).await.is_ok())
        .await;
}

pub async fn members_stay_as_long_as_they_are_there(bed: Bed) {
    let t = topic("stay");
    let (_, _one) = listen_as(&bed.a, &t, "1", "").await;
    for _ in 0..2 {
        bed.outlive_a_lease(&t).await;
        assert_eq!(bed.b.members(&t).await.unwrap(), [member("1", "")]);
        assert_eq!(bed.b.subscribers(&t).await.unwrap(), 1);
    }
}
