//! Topics that exist, and that do no more.

use polysocket_tests::patience::eventually;

use super::bed::Bed;
use crate::common::recorder::{Heard, listen, listen_since};
use crate::common::{publish, topic};

pub async fn a_topic_is_known_once_somebody_subscribed(bed: Bed) {
    let t = topic("known");
    assert!(!bed.a.is_known(&t).await.unwrap());
    publish(&bed.a, &t, "nobody hears").await;
    assert!(!bed.b.is_known(&t).await.unwrap(), "publishing does not make it known");
    let (_listener, subscription) = listen(&bed.a, &t).await;
    assert!(bed.a.is_known(&t).await.unwrap() && bed.b.is_known(&t).await.unwrap());
    drop(subscription);
    assert!(bed.a.is_known(&t).await.unwrap() && bed.b.is_known(&t).await.unwrap());
    let elsewhere = polysocket_broker::Topic::new("test:/other", "known");
    assert!(!bed.a.is_known(&elsewhere).await.unwrap(), "spaces are apart");
}

pub async fn the_number_of_known_topics_is_bounded(bed: Bed) {
    let bed = bed.with(|config| config.topics_max = 16).await;
    for n in 0..40 {
        let (_listener, subscription) = listen(&bed.a, &topic(&n.to_string())).await;
        drop(subscription);
        // Those that are given up leave room for the next.
        if n % 8 == 7 {
            eventually("they are given up", async || bed.topics() == 0).await;
        }
    }
    let mut known = Vec::new();
    for n in 0..40 {
        if bed.b.is_known(&topic(&n.to_string())).await.unwrap() {
            known.push(n);
        }
    }
    assert!(known.len() <= 16 && known.len() >= 8, "{known:?}");
    assert!(known.contains(&39) && !known.contains(&0), "the latest stay: {known:?}");
}

pub async fn a_deleted_topic_tells_its_subscribers(bed: Bed) {
    let t = topic("deleted");
    let (one, _one) = listen(&bed.a, &t).await;
    let (two, _two) = listen(&bed.b, &t).await;
    let old = publish(&bed.a, &t, "old").await.position;
    for listener in [&one, &two] {
        listener.until_text("old").await;
    }
    bed.a.forget(&t).await.unwrap();
    for listener in [&one, &two] {
        listener.until("removed", |log| log.last() == Some(&Heard::Removed)).await;
    }
    eventually("nobody subscribes", async || bed.b.subscribers(&t).await.unwrap() == 0).await;
    assert!(bed.a.history(&t, None, 10).await.unwrap().publications.is_empty());
    assert!(!bed.a.is_known(&t).await.unwrap());
    // A new one of the same name has nothing to do with it.
    let (new, subscription) = listen_since(&bed.b, &t, &old).await;
    assert_eq!((subscription.at().recovered, subscription.at().position.offset), (Some(false), 0));
    let first = publish(&bed.a, &t, "new").await.position;
    assert_eq!(first.offset, 1);
    assert_ne!(first.epoch, old.epoch);
    new.until_text("new").await;
    assert_eq!((new.texts(), new.gaps()), (vec!["new".to_owned()], 0));
    assert_eq!((one.texts(), two.texts()), (vec!["old".to_owned()], vec!["old".to_owned()]));
    bed.b.forget(&topic("never was")).await.unwrap();
}

pub async fn a_retired_topic_tells_its_subscribers(bed: Bed) {
    let t = topic("retired");
    let (one, held) = listen(&bed.a, &t).await;
    let (two, _two) = listen(&bed.b, &t).await;
    publish(&bed.a, &t, "old").await;
    for listener in [&one, &two] {
        listener.until_text("old").await;
    }
    bed.a.retire(&t).await.unwrap();
    for listener in [&one, &two] {
        listener.until("removed", |log| log.last() == Some(&Heard::Removed)).await;
    }
    drop(held);
    assert!(!bed.a.is_known(&t).await.unwrap());
    assert!(bed.a.history(&t, None, 10).await.unwrap().publications.is_empty());
    eventually("nobody subscribes", async || bed.b.subscribers(&t).await.unwrap() == 0).await;
    bed.b.retire(&topic("never was")).await.unwrap();
}

/// Neither among those that are followed, nor among those that are known.
pub async fn retired_topics_take_no_room(bed: Bed) {
    let bed = bed.with(|config| config.topics_max = 16).await;
    let stays = topic("stays");
    drop(listen(&bed.a, &stays).await);
    eventually("it is given up", async || bed.topics() == 0).await;
    for n in 0..40 {
        let t = topic(&n.to_string());
        drop(listen(&bed.a, &t).await);
        bed.a.retire(&t).await.unwrap();
        assert_eq!(bed.topics(), 0, "it does not linger");
        assert!(!bed.b.is_known(&t).await.unwrap());
    }
    assert!(bed.b.is_known(&stays).await.unwrap());
}
