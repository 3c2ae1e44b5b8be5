//! What reading a client's frames costs, here and with tungstenite: `cargo bench -p polysocket-socket`.
//!
//! Both get the same bytes from memory, in pieces of what is read from a socket at a time, and give whole messages.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use polysocket_socket::Incoming;
use polysocket_socket::reader::{Event, Reader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

const READ_BYTES: usize = 16 * 1024;
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Each figure is the best of these.
const ROUNDS: usize = 7;

/// Masked text messages of `length` bytes.
fn messages(count: usize, length: usize) -> Vec<u8> {
    let mask = [0x5a, 0x13, 0xc0, 0x7f];
    let mut one = vec![0x81];
    match u16::try_from(length) {
        Ok(short @ 0..=125) => one.push(0x80 | short.to_be_bytes()[1]),
        Ok(short) => {
            one.push(0xfe);
            one.extend(short.to_be_bytes());
        }
        Err(_) => {
            one.push(0xff);
            one.extend((length as u64).to_be_bytes());
        }
    }
    one.extend(mask);
    one.extend((0..length).map(|i| b'a' ^ mask[i % 4]));
    one.repeat(count)
}

fn ours(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(MESSAGE_BYTES_MAX);
    let mut read = 0;
    for mut piece in bytes.chunks(READ_BYTES) {
        while let Some(event) = reader.read(&mut piece).expect("no violation") {
            if let Event::Message(Incoming::Text(text)) = event {
                read += black_box(text).len();
            }
        }
    }
    read
}

/// A socket that never blocks: what is read is there, what is written is dropped.
struct Memory<'a>(&'a [u8]);

impl Read for Memory<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let some = into.len().min(READ_BYTES);
        self.0.read(&mut into[..some])
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tungstenite(bytes: &[u8]) -> usize {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = WebSocket::from_raw_socket(Memory(bytes), Role::Server, Some(config));
    let mut read = 0;
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            read += black_box(text).len();
        }
    }
    read
}

fn best(of: impl Fn() -> usize, expected: usize) -> Duration {
    let round = || {
        let began = Instant::now();
        assert_eq!(of(), expected);
        began.elapsed()
    };
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn main() {
    println!("{:>10} {:>14} {:>14} {:>6}", "message", "ours", "tungstenite", "ratio");
    for (count, length) in [(200_000, 8), (200_000, 64), (50_000, 1024), (1_000, 64 * 1024), (100, 1 << 20)] {
        let bytes = messages(count, length);
        let [ours, theirs] =
            [best(|| ours(&bytes), count * length), best(|| tungstenite(&bytes), count * length)]
                .map(|time| time.as_secs_f64() * 1e9 / f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        println!("{length:>8} B {ours:>11.0} ns {theirs:>11.0} ns {:>6.2}", ours / theirs);
    }
}
