//! What is in messages: large, empty, and every character.

use std::time::Duration;

use polysocket_tests::client::{Event, Message, Settings, Transport};

use crate::{Bed, MIB, SOON, patterned};

#[tokio::test(flavor = "multi_thread")]
async fn a_mebibyte_goes_both_ways_on_every_transport() {
    let bed = Bed::with(&[("admin", "listen = \"127.0.0.1:0\"")]).await;
    for transport in Transport::ALL {
        let settings = Settings { url_bytes: 8000, ..Settings::on(transport) };
        let session = bed.open("/echo", settings).await;
        for message in [Message::binary(patterned(MIB)), Message::text("\u{20ac}uro ".repeat(MIB / 7))] {
            session.send(message.clone());
            let came = session.expect_within(Duration::from_secs(40)).await;
            assert!(came == Event::Message(message), "{transport:?}: {}", session.describe());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_goes_by_script_in_fragments_that_fit_old_urls() {
    let bed = Bed::start().await;
    let session = bed.open("/echo", Settings::on(Transport::Jsonp)).await;
    for message in [Message::binary(patterned(100_000)), Message::text("100 kB \u{e9}".repeat(10_000))] {
        session.send(message.clone());
        assert!(session.expect_within(SOON).await == Event::Message(message), "{}", session.describe());
    }
    // 2 × 100 kB in URLs of 1,900 bytes, and back in units of 16 KiB.
    assert!(session.statistics().requests > 120, "{:?}", session.statistics());
    let seen = bed.upstream.expect("two messages", SOON, |seen| seen.messages.len() == 2).await;
    assert_eq!(seen.messages[0], Message::binary(patterned(100_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_messages_are_messages() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/echo", Settings::on(transport)).await;
        let empty = [Message::text(""), Message::binary(vec![]), Message::text(""), Message::text("end")];
        for message in &empty {
            session.send(message.clone());
        }
        for message in empty {
            assert_eq!(session.expect_within(SOON).await, Event::Message(message), "{transport:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scalar_value_goes_both_ways_on_every_transport() {
    let bed = Bed::with(&[("admin", "listen = \"127.0.0.1:0\"")]).await;
    for transport in Transport::ALL {
        let settings = Settings { url_bytes: 8000, in_flight: 4, ..Settings::on(transport) };
        let session = bed.open("/echo", settings).await;
        let planes = (0..0x11_u32).map(|plane| {
            (0..=0xffff).filter_map(|low| char::from_u32(plane << 16 | low)).collect::<String>()
        });
        let mut characters = 0;
        for plane in planes {
            characters += plane.chars().count();
            let message = Message::text(plane);
            session.send(message.clone());
            let came = session.expect_within(Duration::from_secs(40)).await;
            assert!(came == Event::Message(message), "{transport:?}: {}", session.describe());
        }
        assert_eq!(characters, 0x11_0000 - 0x800);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_pings_of_a_target_are_joined_and_answered() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/fragments", Settings::on(transport)).await;
        assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("fragments \u{e9}")));
    }
    let session = bed.open("/ping?count=20", Settings::default()).await;
    session.send(Message::text("after pings"));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("after pings")));
    bed.upstream.expect("20 pongs", SOON, |seen| seen.pongs == 20).await;
}
