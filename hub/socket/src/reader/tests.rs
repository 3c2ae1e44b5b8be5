//! The reader against a table of what peers do, and against itself on arbitrary splits.
//!
//! The table follows the sections of the Autobahn test suite, which is the common yardstick: framing, pings, reserved
//! bits, opcodes, fragmentation, UTF-8, closes.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};

const MASK: [u8; 4] = [0xa1, 0x02, 0xf3, 0x44];
const MAX: usize = 100_000;

/// A client's frame with these first four bits.
fn raw(bits: u8, opcode: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut out = vec![bits << 4 | opcode];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            out.push(0xfe);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            out.push(0xff);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
    out
}

fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    raw(u8::from(fin) * 8, opcode as u8, payload, MASK)
}

fn text(message: &str) -> Event {
    Event::Message(Incoming::Text(message.to_owned().into()))
}

fn binary(message: &[u8]) -> Event {
    Event::Message(Incoming::Binary(Bytes::copy_from_slice(message)))
}

fn ping(payload: &[u8]) -> Event {
    Event::Ping(Bytes::copy_from_slice(payload))
}

fn closed(code: u16, reason: &str) -> Event {
    Event::Close(Some((code, reason.to_owned())))
}

/// What is read from pieces, and how it ended: also after how many bytes.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<(Violation, usize)>) {
    let mut reader = Reader::new(MAX);
    let mut events = Vec::new();
    let mut given = 0;
    for piece in pieces {
        let mut input = piece;
        loop {
            match reader.read(&mut input) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => return (events, Some((violation, given + piece.len() - input.len()))),
            }
            if matches!(events.last(), Some(Event::Close(_))) {
                return (events, None);
            }
        }
        assert!(input.is_empty(), "nothing is left");
        given += piece.len();
    }
    (events, None)
}

/// In one piece and byte by byte: the same.
#[track_caller]
fn check(bytes: &[u8], events: &[Event], violation: Option<Violation>) {
    for size in [bytes.len().max(1), 1] {
        let (read, end) = read(bytes.chunks(size));
        assert_eq!((&read[..], end.map(|(violation, _)| violation)), (events, violation), "pieces of {size}");
    }
}

#[test]
fn framing_of_every_length() {
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536] {
        let payload = vec![b'*'; length];
        let as_text = String::from_utf8(payload.clone()).unwrap();
        check(&frame(true, Text, &payload), &[text(&as_text)], None);
        check(&frame(true, Binary, &payload), &[binary(&payload)], None);
    }
    // A length written longer than it need be means the same.
    let long = [vec![0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 1], MASK.to_vec(), vec![b'a' ^ MASK[0]]].concat();
    check(&long, &[binary(b"a")], None);
}

#[test]
fn pings_and_pongs() {
    check(&frame(true, Ping, b""), &[ping(b"")], None);
    check(&frame(true, Ping, &[0xfe; 125]), &[ping(&[0xfe; 125])], None);
    check(&frame(true, Ping, &[0xfe; 126]), &[], Some(Violation::LongControl));
    check(&frame(true, Pong, b"unasked"), &[Event::Pong], None);
    let ten: Vec<u8> = (0..10).flat_map(|i| frame(true, Ping, &[i])).collect();
    check(&ten, &(0..10).map(|i| ping(&[i])).collect::<Vec<_>>(), None);
}

#[test]
fn reserved_bits_and_opcodes() {
    let good = frame(true, Text, b"good");
    for bits in 1..8 {
        let bytes = [good.clone(), raw(8 | bits, 1, b"bad", MASK)].concat();
        check(&bytes, &[text("good")], Some(Violation::ReservedBits));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let bytes = [good.clone(), raw(8, opcode, b"", MASK)].concat();
        check(&bytes, &[text("good")], Some(Violation::ReservedOpcode));
    }
    check(&[0x81, 3, b'a', b'b', b'c'], &[], Some(Violation::NotMasked));
}

#[test]
fn fragmentation() {
    type Case<'a> = (&'a [Vec<u8>], &'a [Event], Option<Violation>);
    let cases: &[Case<'_>] = &[
        (
            &[frame(false, Ping, b"f"), frame(true, Continuation, b"")],
            &[],
            Some(Violation::FragmentedControl),
        ),
        (&[frame(false, Close, b"")], &[], Some(Violation::FragmentedControl)),
        (&[frame(false, Text, b"a"), frame(true, Continuation, b"b")], &[text("ab")], None),
        (
            &[frame(false, Text, b"a"), frame(true, Ping, b"p"), frame(true, Continuation, b"b")],
            &[ping(b"p"), text("ab")],
            None,
        ),
        (&[frame(true, Continuation, b"x")], &[], Some(Violation::NothingToContinue)),
        (&[frame(false, Continuation, b"x")], &[], Some(Violation::NothingToContinue)),
        (
            &[frame(true, Text, b"a"), frame(true, Continuation, b"x")],
            &[text("a")],
            Some(Violation::NothingToContinue),
        ),
        (&[frame(false, Text, b"a"), frame(true, Text, b"b")], &[], Some(Violation::NotContinued)),
        (&[frame(false, Text, b"a"), frame(false, Binary, b"b")], &[], Some(Violation::NotContinued)),
        (
            &[frame(false, Text, b""), frame(false, Continuation, b""), frame(true, Continuation, b"")],
            &[text("")],
            None,
        ),
        (
            &[
                frame(false, Binary, b"1"),
                frame(false, Continuation, b""),
                frame(true, Ping, b"a"),
                frame(false, Continuation, b"2"),
                frame(true, Pong, b"b"),
                frame(true, Continuation, b"3"),
                frame(true, Text, b"next"),
            ],
            &[ping(b"a"), Event::Pong, binary(b"123"), text("next")],
            None,
        ),
        (
            &[frame(false, Text, b"a"), frame(true, Close, &[3, 232]), frame(true, Continuation, b"b")],
            &[closed(1000, "")],
            None,
        ),
    ];
    for (frames, events, violation) in cases {
        check(&frames.concat(), events, *violation);
    }
}

#[test]
fn text_is_utf8_across_fragments_and_fails_as_soon_as_it_cannot_be() {
    let good = [
        "Hello-µ@ßöäüàá-UTF-8!!",
        "κόσμε",
        "\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{10000}\u{10ffff}",
        "",
        "\0",
    ];
    for message in good {
        let bytes = message.as_bytes();
        check(&frame(true, Text, bytes), &[text(message)], None);
        for cut in 0..=bytes.len() {
            let two = [frame(false, Text, &bytes[..cut]), frame(true, Continuation, &bytes[cut..])].concat();
            check(&two, &[text(message)], None);
        }
    }
    // What is wrong, and after how many of its bytes that is certain: what follows need not come.
    let bad: [(&[u8], usize); 12] = [
        (b"\x80", 1),
        (b"\xbf\xbf", 1),
        (b"\xc0\xaf", 1),
        (b"\xc1\xbf", 1),
        (b"ab\xff\xffcd", 3),
        (b"\xe0\x80\xaf", 2),
        (b"\xed\xa0\x80", 2),
        (b"\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80", 7),
        (b"\xf0\x80\x80\xaf", 2),
        (b"\xf8\x88\x80\x80\x80", 1),
        (b"\xe2\x82x", 3),
        (b"\xc3(", 2),
    ];
    for (bytes, certain) in bad {
        check(&frame(true, Text, bytes), &[], Some(Violation::NotUtf8));
        let more = [bytes, &[b'x'; 50][..]].concat();
        let whole = frame(true, Text, &more);
        let (_, end) = read(whole.chunks(1));
        assert_eq!(end, Some((Violation::NotUtf8, 6 + certain)), "{bytes:x?}");
    }
    // Characters that never end.
    for cut in [&b"\xce"[..], b"\xe1\xbd", b"\xf0\x9f\x98", b"abc\xf0"] {
        check(&frame(true, Text, cut), &[], Some(Violation::NotUtf8));
        let two = [frame(false, Text, cut), frame(true, Continuation, b"")].concat();
        check(&two, &[], Some(Violation::NotUtf8));
    }
    // Bytes may be anything.
    check(&frame(true, Binary, b"\xff\xfe"), &[binary(b"\xff\xfe")], None);
}

#[test]
fn closes() {
    check(&frame(true, Close, b""), &[Event::Close(None)], None);
    check(&frame(true, Close, b"\x03"), &[], Some(Violation::CloseOfOneByte));
    check(&frame(true, Close, b"\x03\xe8bye"), &[closed(1000, "bye")], None);
    let longest = "x".repeat(123);
    check(&frame(true, Close, &[b"\x03\xe8", longest.as_bytes()].concat()), &[closed(1000, &longest)], None);
    let longer = [b"\x03\xe8", &[b'x'; 124][..]].concat();
    check(&frame(true, Close, &longer), &[], Some(Violation::LongControl));
    check(&frame(true, Close, b"\x03\xe8\xce\xba\xff"), &[], Some(Violation::NotUtf8));
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        check(&frame(true, Close, &u16::to_be_bytes(code)), &[closed(code, "")], None);
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        check(&frame(true, Close, &u16::to_be_bytes(code)), &[], Some(Violation::CloseCode));
    }
    let after = [frame(true, Close, b""), frame(true, Text, b"late")].concat();
    check(&after, &[Event::Close(None)], None);
}

#[test]
fn lengths_are_bounded_before_anything_is_held() {
    check(&frame(true, Binary, &vec![1; MAX]), &[binary(&vec![1; MAX])], None);
    for announced in [MAX as u64 + 1, u64::from(u32::MAX), 1 << 62, u64::MAX] {
        let head = [vec![0x82, 0xff], announced.to_be_bytes().to_vec(), MASK.to_vec()].concat();
        check(&head, &[], Some(Violation::TooBig));
    }
    let two = [frame(false, Text, &vec![b'a'; MAX]), frame(true, Continuation, b"b")].concat();
    check(&two, &[], Some(Violation::TooBig));
    // What was announced is not what is held.
    let mut reader = Reader::new(MAX);
    let mut input =
        &[vec![0x82, 0xff], (MAX as u64).to_be_bytes().to_vec(), MASK.to_vec(), vec![0]].concat()[..];
    assert_eq!(reader.read(&mut input), Ok(None));
    assert!(reader.held_bytes() == 1 && reader.payload.capacity() < 100);
}

#[test]
fn empty_fragments_are_counted() {
    let begin = frame(false, Text, b"");
    let some = |count: usize| [begin.clone(), frame(false, Continuation, b"").repeat(count)].concat();
    let allowed = EMPTY_FRAGMENTS_MAX as usize - 1;
    check(&[some(allowed), frame(true, Continuation, b"x")].concat(), &[text("x")], None);
    check(&some(allowed + 1), &[], Some(Violation::EmptyFragments));
}

#[test]
fn nothing_is_held_between_messages() {
    let mut reader = Reader::new(MAX);
    let bytes =
        [frame(false, Text, &vec![b'x'; 50_000]), frame(true, Ping, b"p"), frame(true, Continuation, b"y")]
            .concat();
    let mut events = 0;
    for piece in bytes.chunks(1000) {
        let mut input = piece;
        while reader.read(&mut input).unwrap().is_some() {
            events += 1;
        }
    }
    assert_eq!((events, reader.held_bytes()), (2, 0));
    assert_eq!((reader.payload.capacity(), reader.control.capacity()), (0, 0));
}

/// A message of a client, in frames with a control frame between some of them.
#[derive(Debug, Clone)]
enum Said {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        "\\PC{0,200}".prop_map(Said::Text),
        proptest::collection::vec(any::<u8>(), 0..1000).prop_map(Said::Binary),
        proptest::collection::vec(any::<u8>(), 0..126).prop_map(Said::Ping),
        Just(Said::Pong),
    ]
}

/// Writes a message in fragments that end at `cuts`, with a pong after each.
fn write(
    out: &mut Vec<u8>,
    expected: &mut Vec<Event>,
    said: &Said,
    cuts: &[proptest::sample::Index],
    mask: [u8; 4],
) {
    let (opcode, payload, event) = match said {
        Said::Text(message) => (Text, message.as_bytes(), text(message)),
        Said::Binary(message) => (Binary, &message[..], binary(message)),
        Said::Ping(payload) => {
            out.extend(raw(8, Ping as u8, payload, mask));
            return expected.push(ping(payload));
        }
        Said::Pong => {
            out.extend(raw(8, Pong as u8, b"", mask));
            return expected.push(Event::Pong);
        }
    };
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    ends.sort_unstable();
    let mut start = 0;
    let mut opcode = opcode;
    for end in ends {
        out.extend(raw(0, opcode as u8, &payload[start..end], mask));
        out.extend(raw(8, Pong as u8, b"between", mask));
        expected.push(Event::Pong);
        (start, opcode) = (end, Continuation);
    }
    out.extend(raw(8, opcode as u8, &payload[start..], mask));
    expected.push(event);
}

proptest! {
    #[test]
    fn however_it_is_cut_the_same_is_read(
        messages in proptest::collection::vec((said(), proptest::collection::vec(any::<proptest::sample::Index>(), 0..4), any::<[u8; 4]>()), 1..8),
        splits in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (said, cuts, mask) in &messages {
            write(&mut bytes, &mut expected, said, cuts, *mask);
        }
        let mut ends: Vec<usize> = splits.iter().map(|split| split.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut start = 0;
        let pieces: Vec<&[u8]> = ends.iter().map(|end| { let piece = &bytes[start..*end]; start = *end; piece }).collect();
        let (events, end) = read(pieces);
        prop_assert_eq!(end, None);
        prop_assert_eq!(events, expected);
    }

    /// Garbage, mostly: it ends in the same way after the same events, and never in a panic.
    #[test]
    fn however_garbage_is_cut_the_same_is_read(
        bytes in proptest::collection::vec(prop_oneof![Just(0x81u8), Just(0x01), Just(0x80), Just(0x89), Just(0x82), any::<u8>()], 0..300),
        size in 1..50usize,
    ) {
        let (whole, whole_end) = read([&bytes[..]]);
        let (cut, cut_end) = read(bytes.chunks(size));
        prop_assert_eq!(whole, cut);
        prop_assert_eq!(whole_end.map(|end| end.0), cut_end.map(|end| end.0));
    }
}
