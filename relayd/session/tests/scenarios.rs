//! One story each, told by steps and what they must answer.

#![allow(missing_docs)]

use std::sync::Arc;

use polysocket_protocol::limits::WINDOW_UNITS;
use polysocket_protocol::{Bytes, CloseDown, CloseUp, Kind, Unit, Word};
use polysocket_session::{
    Attach, Attached, Batch, Limits, ReceiverId, Sent, Session, Style, Take, Time, ToUpstream, Wait,
};

const NOW: Time = Time(0);

fn session() -> Session {
    let mut session = Session::new(NOW, Arc::new(Limits::default()), false);
    session.upstream_open("chat", "");
    session
}

/// One that was dialled when the page said so: its first unit is `open`.
fn held() -> Session {
    let mut session = Session::new(NOW, Arc::new(Limits::default()), true);
    let id = attach(&mut session, NOW, &Attach { dial: true, ..poll(Some(0)) });
    session.detach(NOW, id);
    session.upstream_open("chat", "");
    session
}

fn poll(ack: Option<u64>) -> Attach {
    Attach {
        style: Style::Poll,
        ack,
        told: ack.is_some(),
        poll: None,
        ttl_ms: 25_000,
        pause_ms: None,
        dial: false,
    }
}

fn attach(session: &mut Session, now: Time, request: &Attach) -> ReceiverId {
    match session.attach(now, request).expect("attached") {
        Attached::Receiver(id) => id,
        Attached::Stale => panic!("stale"),
    }
}

fn take(session: &mut Session, now: Time, request: &Attach) -> Take {
    let id = attach(session, now, request);
    session.take(now, id, 1 << 20)
}

fn text(data: &'static str) -> Unit {
    Unit::whole(Kind::Text, Bytes::from_static(data.as_bytes()))
}

fn say(session: &mut Session, data: &'static str) {
    session.upstream_message(NOW, true, Bytes::from_static(data.as_bytes()));
}

fn units(seq: u64, units: &[Unit]) -> Take {
    Take::Units(Batch { seq, units: units.to_vec(), ack: 0 })
}

fn close_unit(code: u16, reason: &str) -> Unit {
    let close = CloseDown { code, reason: reason.into(), clean: true, failure: None };
    Unit::whole(Kind::Close, close.encode())
}

fn closed(code: u16, reason: &str) -> CloseDown {
    CloseDown { code, reason: reason.into(), clean: true, failure: None }
}

#[test]
fn units_are_replayed_until_acked() {
    let mut session = session();
    say(&mut session, "a");
    say(&mut session, "b");
    for _ in 0..3 {
        assert_eq!(take(&mut session, NOW, &poll(Some(0))), units(1, &[text("a"), text("b")]));
    }
    assert_eq!(take(&mut session, NOW, &poll(Some(1))), units(2, &[text("b")]));
    assert_eq!(take(&mut session, NOW, &poll(Some(2))), Take::Pending);
    assert_eq!(session.attach(NOW, &poll(Some(3))), Err(Word::Bad), "an ack of what was never sent");
}

#[test]
fn without_ack_what_is_handed_over_is_gone() {
    let mut session = session();
    say(&mut session, "a");
    assert_eq!(take(&mut session, NOW, &poll(None)), units(1, &[text("a")]));
    assert_eq!(take(&mut session, NOW, &poll(None)), Take::Pending);
}

#[test]
fn a_documented_poll_gets_whole_messages_and_no_open() {
    let mut session = held();
    let long = Bytes::from(vec![b'x'; 100_000]);
    session.upstream_message(NOW, false, long.clone());
    assert_eq!(take(&mut session, NOW, &poll(None)), units(1, &[Unit::whole(Kind::Binary, long)]));
}

#[test]
fn a_newer_poll_wins() {
    let mut session = session();
    let old = attach(&mut session, NOW, &poll(Some(0)));
    let new = attach(&mut session, NOW, &poll(Some(0)));
    assert!(session.take_signals().receiver);
    assert!(matches!(session.take(NOW, old, 100), Take::Over(batch) if batch.units.is_empty()));
    assert_eq!(session.take(NOW, new, 100), Take::Pending);
}

#[test]
fn a_repeat_of_the_parked_poll_shares_it() {
    let mut session = session();
    let request = Attach { poll: Some(7), ..poll(Some(0)) };
    let (first, second) = (attach(&mut session, NOW, &request), attach(&mut session, NOW, &request));
    say(&mut session, "a");
    for id in [first, second] {
        assert_eq!(session.take(NOW, id, 100), units(1, &[text("a")]));
    }
}

#[test]
fn a_poll_that_was_answered_long_ago_does_not_replace_the_parked_one() {
    let mut session = session();
    say(&mut session, "a");
    let parked = attach(&mut session, NOW, &poll(Some(1)));
    assert_eq!(session.attach(NOW, &poll(Some(0))), Ok(Attached::Stale));
    assert_eq!(session.take(NOW, parked, 100), Take::Pending);
}

#[test]
fn ttl_ends_in_a_heartbeat_at_the_millisecond() {
    let mut session = session();
    let id = attach(&mut session, NOW, &poll(Some(0)));
    assert_eq!(session.deadline(), Some(Time(25_000)));
    session.timeout(Time(24_999));
    assert_eq!(session.take(Time(24_999), id, 100), Take::Pending);
    session.timeout(Time(25_000));
    assert!(session.take_signals().receiver);
    assert!(matches!(session.take(Time(25_000), id, 100), Take::Heartbeat(_)));
}

#[test]
fn sends_are_forwarded_once_and_in_order() {
    let mut session = session();
    assert_eq!(session.send(NOW, Some(2), &text("b")), Sent::Wait(Wait::Gap));
    assert_eq!(session.send(NOW, Some(1), &text("a")), Sent::Accepted(1));
    assert_eq!(session.send(NOW, Some(1), &text("a")), Sent::Accepted(1));
    assert_eq!(session.send(NOW, Some(2), &text("b")), Sent::Accepted(2));
    assert_eq!(session.send(NOW, Some(2 + WINDOW_UNITS + 1), &text("far")), Sent::Refused(Word::Window));
    assert_eq!(session.send(NOW, Some(0), &text("zero")), Sent::Refused(Word::Bad));
    let sent: Vec<_> = std::iter::from_fn(|| session.next_up(NOW)).collect();
    assert_eq!(sent, ["a", "b"].map(|data| ToUpstream::Text(Bytes::from_static(data.as_bytes()))));
}

#[test]
fn other_bytes_under_the_same_number_close_with_1002() {
    let mut session = session();
    session.send(NOW, Some(1), &text("a"));
    assert_eq!(session.send(NOW, Some(1), &text("b")), Sent::Refused(Word::Conflict));
    session.next_up(NOW);
    assert!(matches!(session.next_up(NOW), Some(ToUpstream::Close(Some((1002, _))))));
    session.upstream_closed(NOW, closed(1002, ""));
    assert_eq!(
        take(&mut session, NOW, &poll(Some(0))),
        Take::Units(Batch {
            seq: 1,
            units: vec![close_unit(1002, "a number was used with other bytes")],
            ack: 1
        })
    );
}

#[test]
fn fragments_are_joined_and_checked_as_a_whole() {
    let mut session = session();
    let (first, second) = "☃".as_bytes().split_at(1);
    let part = |data: &[u8], more| Unit { kind: Kind::Text, more, data: Bytes::copy_from_slice(data) };
    assert_eq!(session.send(NOW, Some(1), &part(first, true)), Sent::Accepted(1));
    assert_eq!(session.next_up(NOW), None);
    assert_eq!(session.send(NOW, Some(2), &part(second, false)), Sent::Accepted(2));
    assert_eq!(session.next_up(NOW), Some(ToUpstream::Text("☃".into())));
    assert_eq!(session.send(NOW, Some(3), &part(first, false)), Sent::Refused(Word::InvalidText));
    assert!(matches!(session.next_up(NOW), Some(ToUpstream::Close(Some((1007, _))))));
}

#[test]
fn a_message_over_the_limit_closes_with_1009_both_ways() {
    let limits = Limits { message_bytes_max: 10, ..Limits::default() };
    let open = || {
        let mut session = Session::new(NOW, Arc::new(limits.clone()), false);
        session.upstream_open("", "");
        session
    };
    let mut up = open();
    assert_eq!(up.send(NOW, Some(1), &text("eleven bytes")), Sent::Refused(Word::TooBig));
    let mut down = open();
    say(&mut down, "eleven bytes");
    for session in [&mut up, &mut down] {
        assert!(matches!(session.next_up(NOW), Some(ToUpstream::Close(Some((1009, _))))));
    }
}

#[test]
fn a_full_queue_makes_sends_wait_until_it_is_written() {
    let limits = Limits { up_queue_bytes_max: 10, ..Limits::default() };
    let mut session = Session::new(NOW, Arc::new(limits), false);
    session.upstream_open("", "");
    assert_eq!(session.send(NOW, Some(1), &text("longer than all")), Sent::Accepted(1), "alone it may");
    assert_eq!(session.send(NOW, Some(2), &text("b")), Sent::Wait(Wait::Full));
    let first = session.next_up(NOW).expect("queued");
    assert_eq!(session.send(NOW, Some(2), &text("b")), Sent::Wait(Wait::Full), "popped is not written");
    session.take_signals();
    session.upstream_written(first.cost());
    assert!(session.take_signals().senders);
    assert_eq!(session.send(NOW, Some(2), &text("b")), Sent::Accepted(2));
}

#[test]
fn a_flood_of_empty_messages_is_bounded() {
    let mut session = Session::new(NOW, Arc::default(), false);
    session.upstream_open("", "");
    let full =
        (1..10_000).find(|number| session.send(NOW, Some(*number), &text("")) == Sent::Wait(Wait::Full));
    assert!(full.is_some_and(|number| number < 5000), "{full:?}");
}

#[test]
fn a_full_outbox_stops_the_upstream_and_in_the_end_closes_it() {
    let mut session = session();
    let stalled = Time(5);
    while session.wants_upstream() {
        session.upstream_message(stalled, false, vec![0; 10_000].into());
    }
    attach(&mut session, Time(10), &Attach { style: Style::Stream, ttl_ms: 50_000, ..poll(Some(0)) });
    let mut acked = session_with_same(&session, stalled);
    acked.ack(Time(20), 1).expect("acked");
    assert!(acked.wants_upstream() && acked.take_signals().upstream);
    session.timeout(Time(60_005));
    assert!(matches!(session.next_up(NOW), Some(ToUpstream::Close(Some((1008, _))))));
}

fn session_with_same(like: &Session, at: Time) -> Session {
    let mut other = session();
    while other.buffered_bytes() < like.buffered_bytes() {
        other.upstream_message(at, false, vec![0; 10_000].into());
    }
    other
}

#[test]
fn nothing_overtakes_close_and_it_is_served_until_acked() {
    let mut session = session();
    say(&mut session, "a");
    session.upstream_closed(NOW, closed(3001, "bye"));
    for _ in 0..2 {
        assert_eq!(take(&mut session, NOW, &poll(Some(0))), units(1, &[text("a"), close_unit(3001, "bye")]));
    }
    assert_eq!(session.send(NOW, Some(1), &text("late")), Sent::Refused(Word::Closed));
    assert_eq!(session.attach(NOW, &poll(Some(2))), Err(Word::Gone));
    assert!(session.is_over());
}

#[test]
fn a_documented_poll_takes_every_message_and_then_finds_nothing() {
    let mut parked = held();
    let id = attach(&mut parked, NOW, &poll(None));
    parked.upstream_closed(NOW, closed(1000, ""));
    assert_eq!(parked.take(NOW, id, 100), Take::Gone);

    let mut session = held();
    say(&mut session, "last");
    session.upstream_closed(NOW, closed(1000, ""));
    assert!(
        matches!(take(&mut session, NOW, &poll(None)), Take::Units(batch) if batch.units == [text("last")])
    );
    assert_eq!(session.attach(NOW, &poll(None)), Err(Word::Gone));
    assert!(session.is_over());
}

#[test]
fn a_close_of_the_page_goes_after_its_messages_and_ends_by_the_echo_or_in_time() {
    let close = CloseUp::new(Some(3000), "done").expect("allowed");
    let mut session = session();
    session.send(NOW, Some(1), &text("a"));
    assert_eq!(session.send(NOW, Some(2), &Unit::whole(Kind::Close, close.encode())), Sent::Accepted(2));
    assert_eq!(session.send(NOW, Some(3), &text("b")), Sent::Refused(Word::Closed));
    assert_eq!(session.send(NOW, Some(2), &Unit::whole(Kind::Close, close.encode())), Sent::Accepted(2));
    assert_eq!(session.next_up(NOW), Some(ToUpstream::Text("a".into())));
    assert_eq!(session.next_up(Time(100)), Some(ToUpstream::Close(Some((3000, "done".into())))));
    attach(&mut session, NOW, &poll(Some(0)));
    assert_eq!(session.deadline(), Some(Time(5_100)));
    session.timeout(Time(5_100));
    let abnormal = Unit::whole(Kind::Close, CloseDown::abnormal().encode());
    assert!(
        matches!(take(&mut session, NOW, &poll(Some(0))), Take::Units(batch) if batch.units == [abnormal])
    );
}

#[test]
fn a_session_that_is_never_polled_is_given_up() {
    let mut session = session();
    session.send(Time(10_000), Some(1), &text("sends alone do not count"));
    assert_eq!(session.deadline(), Some(Time(15_000)));
    session.timeout(Time(15_000));
    session.next_up(NOW);
    assert!(matches!(session.next_up(NOW), Some(ToUpstream::Close(Some((1001, _))))));
    assert_eq!(session.send(NOW, Some(2), &text("late")), Sent::Refused(Word::Gone));
    session.upstream_closed(NOW, closed(1001, ""));
    assert!(session.is_over());
}

#[test]
fn a_broken_poll_is_no_error_and_a_pause_is_granted() {
    let mut session = session();
    let id = attach(&mut session, NOW, &Attach { pause_ms: Some(999_999), ..poll(Some(0)) });
    session.detach(Time(1_000), id);
    assert_eq!(session.deadline(), Some(Time(121_000)), "capped");
    let id = attach(&mut session, Time(100_000), &poll(Some(0)));
    session.detach(Time(100_000), id);
    assert_eq!(session.deadline(), Some(Time(130_000)));
}

#[test]
fn a_held_target_is_dialled_when_a_receiver_says_so() {
    let mut session = Session::new(NOW, Arc::new(Limits::default()), true);
    let id = attach(&mut session, NOW, &poll(Some(0)));
    assert!(!session.wants_dial());
    session.detach(NOW, id);
    let id = attach(&mut session, NOW, &Attach { dial: true, ..poll(Some(0)) });
    assert!(session.wants_dial() && session.take_signals().upstream);
    session.upstream_closed(NOW, CloseDown::failed(Word::UpstreamRefused));
    let failed = Unit::whole(Kind::Close, CloseDown::failed(Word::UpstreamRefused).encode());
    assert_eq!(session.take(NOW, id, 100), units(1, &[failed]));
}

#[test]
fn a_held_session_that_closes_never_dials() {
    let mut session = Session::new(NOW, Arc::new(Limits::default()), true);
    let id = attach(&mut session, NOW, &poll(Some(0)));
    session.send(NOW, Some(1), &Unit::whole(Kind::Close, Bytes::new()));
    assert!(!session.wants_dial() && session.upstream_is_done());
    let told = vec![Unit::whole(Kind::Close, CloseDown::abnormal().encode())];
    assert_eq!(session.take(NOW, id, 100), Take::Units(Batch { seq: 1, units: told, ack: 1 }));
}

#[test]
fn a_held_session_that_nobody_came_for_is_over_when_it_is_closed() {
    let mut session = Session::new(NOW, Arc::new(Limits::default()), true);
    assert_eq!(session.send(NOW, Some(1), &Unit::whole(Kind::Close, Bytes::new())), Sent::Accepted(1));
    assert!(session.is_over());
    assert_eq!(session.told(), Some(1006));
}

#[test]
fn a_socket_is_told_acks_and_a_stream_goes_on() {
    let mut session = session();
    let id = attach(&mut session, NOW, &Attach { style: Style::Socket, ..poll(Some(0)) });
    session.send(NOW, Some(1), &text("a"));
    assert!(session.take_signals().receiver);
    assert_eq!(session.take(NOW, id, 100), Take::Units(Batch { seq: 1, units: vec![], ack: 1 }));
    say(&mut session, "b");
    assert_eq!(session.take(NOW, id, 100), Take::Units(Batch { seq: 1, units: vec![text("b")], ack: 1 }));
    assert_eq!(session.take(NOW, id, 100), Take::Pending, "what was handed over is not handed over again");
    assert_eq!(
        take(&mut session, NOW, &poll(Some(0))),
        Take::Units(Batch { seq: 1, units: vec![text("b")], ack: 1 }),
        "but to the next receiver, until acked"
    );
}

#[test]
fn drain_gives_parked_requests_back_and_closes_with_1001() {
    let mut session = session();
    let id = attach(&mut session, NOW, &poll(Some(0)));
    session.release();
    assert!(matches!(session.take(NOW, id, 100), Take::Over(_)));
    say(&mut session, "still delivered");
    session.close(NOW, 1001, "the relay stops");
    assert_eq!(session.next_up(NOW), Some(ToUpstream::Close(Some((1001, "the relay stops".into())))));
    session.upstream_closed(NOW, closed(1001, ""));
    let expected = [text("still delivered"), close_unit(1001, "the relay stops")];
    assert_eq!(take(&mut session, NOW, &poll(Some(0))), units(1, &expected));
}
