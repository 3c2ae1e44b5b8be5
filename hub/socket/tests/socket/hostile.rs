//! Clients that break the rules: each is told which, by the code that RFC 6455 has for it, and nobody else notices.

use polysocket_config::{Size, Span};
use polysocket_socket::Cause;
use tokio::io::AsyncWriteExt;

use crate::support::Hub;
use crate::support::raw::{Raw, frame, text};

struct Case {
    name: &'static str,
    sent: Vec<u8>,
    cause: Cause,
    code: u16,
}

fn cases() -> Vec<Case> {
    let case = |name, sent: Vec<u8>, cause, code| Case { name, sent, cause, code };
    let too_long = 10_001;
    vec![
        case("reserved bits", frame(0xc1, b"x"), Cause::BadFrame, 1002),
        case("reserved opcode", frame(0x83, b""), Cause::BadFrame, 1002),
        case("not masked", b"\x81\x01x".to_vec(), Cause::BadFrame, 1002),
        case("a ping in fragments", frame(0x09, b""), Cause::BadFrame, 1002),
        case("a ping too long", frame(0x89, &[0; 126]), Cause::BadFrame, 1002),
        case("nothing to continue", frame(0x80, b"x"), Cause::BadFrame, 1002),
        case("not continued", [frame(0x01, b"x"), text("y")].concat(), Cause::BadFrame, 1002),
        case("a bad close code", frame(0x88, &1005_u16.to_be_bytes()), Cause::BadFrame, 1002),
        case("a close of one byte", frame(0x88, b"x"), Cause::BadFrame, 1002),
        case("no UTF-8", frame(0x81, b"\xc0\x80"), Cause::BadText, 1007),
        case("no UTF-8 in a fragment", frame(0x01, b"ok\xff"), Cause::BadText, 1007),
        case("half a character", frame(0x81, b"\xe2\x82"), Cause::BadText, 1007),
        case("no UTF-8 in a close", frame(0x88, b"\x03\xe8\xff"), Cause::BadText, 1007),
        case("too long", frame(0x82, &vec![0; too_long]), Cause::TooBig, 1009),
        case(
            "announced too long",
            b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff____".to_vec(),
            Cause::TooBig,
            1009,
        ),
        case(
            "too long in fragments",
            [frame(0x02, &[0; 6000]), frame(0x80, &[0; 6000])].concat(),
            Cause::TooBig,
            1009,
        ),
        case(
            "empty fragments",
            [frame(0x02, b""), frame(0x00, b"").repeat(1000)].concat(),
            Cause::Flood,
            1008,
        ),
    ]
}

#[tokio::test]
async fn every_violation_has_its_code_and_its_cause() {
    let mut hub = Hub::start(|limits| limits.message_bytes_max = Size::bytes(10_000));
    let mut bystander = Raw::connect(hub.address).await;
    for case in cases() {
        let mut client = Raw::connect(hub.address).await;
        // Garbage behind it is not looked at, and does not keep the client from reading why.
        client.send(&[text("fine"), case.sent, vec![0xff; 5000]].concat()).await;
        assert_eq!(client.frame().await, Some((0x81, b"fine".to_vec())), "{}", case.name);
        let (code, reason) = client.close_frame().await;
        assert_eq!(code, case.code, "{}", case.name);
        assert!(!reason.is_empty(), "{}", case.name);
        assert_eq!(client.frame().await, None, "{}", case.name);
        drop(client);
        let how = hub.closed().await;
        assert_eq!(
            (how.cause, how.code, how.reason, how.clean),
            (case.cause, code, reason, false),
            "{}",
            case.name
        );
    }
    bystander.send(&text("and I?")).await;
    assert_eq!(bystander.frame().await, Some((0x81, b"and I?".to_vec())));
    assert_eq!(hub.sockets.open(), 1);
}

#[tokio::test]
async fn floods_end_by_name() {
    let floods = [text("x"), frame(0x89, b"x"), frame(0x8a, b"x")];
    for message in floods {
        let mut hub = Hub::start(|limits| {
            limits.messages_per_second = 1;
            limits.messages_burst = 100;
        });
        let mut client = Raw::connect(hub.address).await;
        // With so many a second it takes three minutes to be allowed another hundred.
        client.send(&message.repeat(300)).await;
        let mut echoes = 0;
        let (code, reason) = loop {
            let (first, payload) = client.frame().await.expect("a close");
            if first == 0x88 {
                break (u16::from_be_bytes([payload[0], payload[1]]), payload[2..].to_vec());
            }
            echoes += 1;
        };
        assert!(echoes <= 200, "{echoes}");
        assert_eq!((code, &reason[..]), (1008, &b"too many messages"[..]));
        drop(client);
        assert_eq!(hub.closed().await.cause, Cause::Flood);
    }
}

/// There is always something to read of such a client: it has the time for its close that all have, and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_stops_talking_is_not_listened_to_for_ever() {
    let mut hub = Hub::start(|limits| {
        limits.close_within = Span::millis(100);
        limits.messages_per_second = 0;
    });
    let mut client = Raw::connect(hub.address).await;
    let sender = hub.opened().await;
    // Faster written than read.
    let pongs = frame(0x8a, b"").repeat(50_000);
    let talking = tokio::spawn(async move { while client.0.write_all(&pongs).await.is_ok() {} });
    sender.close(1000, "enough");
    assert_eq!(hub.closed().await.cause, Cause::Protocol);
    talking.await.unwrap();
}
