//! What is kept, and recovering from it.

use polysocket_broker::{Epoch, Position};
use polysocket_config::Span;
use polysocket_tests::patience::eventually;

use super::bed::Bed;
use crate::common::recorder::{Heard, listen, listen_since};
use crate::common::{publish, topic};

pub async fn who_was_away_gets_what_it_missed(bed: Bed) {
    let t = topic("away");
    let (listener, subscription) = listen(&bed.a, &t).await;
    publish(&bed.a, &t, "1").await;
    listener.until_text("1").await;
    let since = listener.messages()[0].0.clone();
    drop(subscription);
    for text in ["2", "3"] {
        publish(&bed.a, &t, text).await;
    }
    // On another node, also right at the head, and from the very beginning.
    let (back, subscription) = listen_since(&bed.b, &t, &since).await;
    assert_eq!((subscription.at().recovered, subscription.at().position.offset), (Some(true), 3));
    publish(&bed.a, &t, "4").await;
    back.until_text("4").await;
    assert_eq!(back.texts(), ["2", "3", "4"]);
    assert!(matches!(back.log()[0], Heard::Subscribed(_)));
    let (head, _head) = listen_since(&bed.b, &t, &Position { offset: 4, ..since.clone() }).await;
    let (all, _all) = listen_since(&bed.a, &t, &Position { offset: 0, ..since }).await;
    publish(&bed.b, &t, "5").await;
    for (listener, texts) in [(head, &["5"][..]), (all, &["1", "2", "3", "4", "5"])] {
        listener.until_text("5").await;
        assert_eq!(listener.texts(), texts);
        listener.assert_in_order();
    }
}

pub async fn what_cannot_be_recovered_is_told(bed: Bed) {
    let bed = bed.with(|config| config.history_count = 3).await;
    let foreign = Position { epoch: Epoch::parse("foreign").unwrap(), offset: 4 };
    let mut last = None;
    for (name, since) in [("trimmed", None), ("foreign", Some(foreign)), ("ahead", None)] {
        let t = topic(name);
        let first = publish(&bed.a, &t, "1").await.position;
        for text in ["2", "3", "4", "5"] {
            publish(&bed.a, &t, text).await;
        }
        let ahead = Position { offset: 99, ..first.clone() };
        let since = since.unwrap_or(if name == "ahead" { ahead } else { first });
        let (listener, subscription) = listen_since(&bed.b, &t, &since).await;
        assert_eq!((subscription.at().recovered, subscription.at().position.offset), (Some(false), 5));
        last = Some(t);
        publish(&bed.a, last.as_ref().unwrap(), "6").await;
        listener.until_text("6").await;
        assert_eq!(listener.texts(), ["6"]);
    }
    let t = last.unwrap();
    // The last three are there, and that is enough for who has the one before them.
    let fourth = bed.a.history(&t, None, 3).await.unwrap().publications[0].position();
    assert_eq!(fourth.offset, 4);
    let (listener, _subscription) = listen_since(&bed.b, &t, &Position { offset: 3, ..fourth }).await;
    listener.until_text("6").await;
    assert_eq!(listener.texts(), ["4", "5", "6"]);
}

pub async fn history_comes_in_pages(bed: Bed) {
    let t = topic("pages");
    assert!(bed.a.history(&t, None, 10).await.unwrap().publications.is_empty());
    for n in 1..=10 {
        publish(&bed.a, &t, &n.to_string()).await;
    }
    let offsets = |history: &polysocket_broker::History| {
        history.publications.iter().map(|publication| publication.offset).collect::<Vec<_>>()
    };
    let last = bed.b.history(&t, None, 3).await.unwrap();
    assert_eq!((offsets(&last), last.complete, last.position.offset), (vec![8, 9, 10], true, 10));
    let since = Position { offset: 4, ..last.position.clone() };
    let page = bed.b.history(&t, Some(&since), 3).await.unwrap();
    assert_eq!((offsets(&page), page.complete, page.position.offset), (vec![5, 6, 7], true, 10));
    let end = bed.b.history(&t, Some(&last.position), 3).await.unwrap();
    assert_eq!((offsets(&end), end.complete), (vec![], true));
    let nothing = bed.b.history(&t, Some(&since), 0).await.unwrap();
    assert_eq!((offsets(&nothing), nothing.complete), (vec![], true));
    let ahead = Position { offset: 11, ..since };
    let refused = bed.b.history(&t, Some(&ahead), 3).await.unwrap();
    assert_eq!((offsets(&refused), refused.complete), (vec![1, 2, 3], false));
}

pub async fn old_messages_go(bed: Bed) {
    // So many that it is not their number that lets them go.
    let bed = bed
        .with(|config| {
            config.history_age = Span::seconds(1);
            config.history_count = 10_000;
        })
        .await;
    let t = topic("age");
    let first = publish(&bed.a, &t, "1").await.position;
    let zero = Position { offset: 0, ..first.clone() };
    let mut last = first.clone();
    eventually("the first has gone", async || {
        last = publish(&bed.a, &t, "another").await.position;
        let history = bed.b.history(&t, Some(&zero), 10_000).await.unwrap();
        let offsets: Vec<u64> = history.publications.iter().map(|publication| publication.offset).collect();
        // The oldest go first, the latest is there, and whether something is missing is said.
        assert_eq!(offsets, (offsets[0]..=last.offset).collect::<Vec<_>>());
        assert_eq!(history.complete, offsets[0] == 1);
        offsets[0] > 1
    })
    .await;
    assert!(!bed.b.history(&t, Some(&zero), 10).await.unwrap().complete);
    let before = Position { offset: last.offset - 1, ..first.clone() };
    assert!(bed.b.history(&t, Some(&before), 10).await.unwrap().complete);
    eventually("all have gone", async || {
        let history = bed.b.history(&t, Some(&before), 10).await.unwrap();
        history.publications.is_empty() && !history.complete
    })
    .await;
    // The order goes on.
    assert_eq!(publish(&bed.a, &t, "next").await.position, Position { offset: last.offset + 1, ..first });
}

pub async fn nothing_is_kept_when_nothing_shall_be(bed: Bed) {
    let bed = bed.with(|config| config.history_count = 0).await;
    let t = topic("none");
    let (listener, _subscription) = listen(&bed.b, &t).await;
    let first = publish(&bed.a, &t, "1").await.position;
    publish(&bed.a, &t, "2").await;
    listener.until_text("2").await;
    assert_eq!((listener.texts(), listener.gaps()), (vec!["1".to_owned(), "2".to_owned()], 0));
    assert!(bed.b.history(&t, None, 10).await.unwrap().publications.is_empty());
    let (_away, subscription) = listen_since(&bed.b, &t, &first).await;
    assert_eq!(subscription.at().recovered, Some(false));
    let (_head, subscription) = listen_since(&bed.b, &t, &Position { offset: 2, ..first }).await;
    assert_eq!(subscription.at().recovered, Some(true), "it has missed nothing");
}

pub async fn a_long_absence_is_recovered_in_full(bed: Bed) {
    let bed = bed.with(|config| config.history_count = 1000).await;
    let t = topic("long");
    let start = publish(&bed.a, &t, "0").await.position;
    for n in 1..=700 {
        publish(&bed.a, &t, &n.to_string()).await;
    }
    let (listener, subscription) = listen_since(&bed.b, &t, &start).await;
    assert_eq!(subscription.at().recovered, Some(true));
    assert_eq!(listener.texts(), (1..=700).map(|n| n.to_string()).collect::<Vec<_>>());
}
