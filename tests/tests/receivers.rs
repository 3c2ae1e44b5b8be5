//! Receivers that follow one another.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::Duration;

use polysocket_tests::client::frames::{Decoder, Frame};
use polysocket_tests::client::http::{HttpError, Request};
use polysocket_tests::client::{Unit, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::http1::{Framing, Reader};
use polysocket_tests::upstream::Upstream;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);
/// More than socket buffers on the loopback hold, which grow to several MB.
const MESSAGES: u64 = 16_000;

/// Follows the numbers of a stream: `start` says one, and each unit is the next.
#[derive(Default)]
struct Follower {
    decoder: Decoder,
    next: u64,
    units: HashMap<u64, Unit>,
    ended: bool,
}

impl Follower {
    fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
        while let Some(frame) = self.decoder.take().unwrap() {
            match frame {
                Frame::Start(number) => self.next = number,
                Frame::Unit(unit) => {
                    self.units.insert(self.next, unit);
                    self.next += 1;
                }
                Frame::End => self.ended = true,
                Frame::Heartbeat | Frame::Ack(_) => {}
            }
        }
    }

    fn last(&self) -> u64 {
        self.next - 1
    }
}

/// A page reads one stream to the end and acks it, while another stream, opened with an older ack, is stuck on its
/// way. What the second has not written by then is gone: it goes on at a later number and has to say so, or its units
/// would pass for others.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_overtaken_by_acks_says_where_it_goes_on() {
    let upstream = Upstream::start().await.unwrap();
    let cluster = TestCluster::dev_with(&[("limits", "outbox_bytes_max = \"64MiB\"")]).await.unwrap();
    let client = cluster.client();
    let target = upstream.url(&format!("/duplex?seed=3&send={MESSAGES}&expect=0&close=target"));
    let created = create(&client, &cluster.create(&target)).await.unwrap();
    let url = |path: &str| format!("{}/{path}/{}", created.relay, created.socket);
    let query = "v=1&ack=0&ttl=1000&budget=60000000";

    let mut first = client.open(&Request::get(&format!("{}?{query}", url("x"))), SOON).await.unwrap();
    let mut read = Follower::default();
    let is_close = |unit: &Unit| matches!(unit, Unit::Close(_));
    while !read.units.values().any(is_close) {
        read.push(&timeout(SOON, first.piece()).await.unwrap().unwrap().unwrap());
    }
    // All but the close, so that the session does not end, and there is one unit to come.
    let acked = read.last() - 1;

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stuck = socket.connect(cluster.router()).await.unwrap();
    let path = url("x");
    let path = path.split_at(path.find('/').unwrap()).1;
    let request = format!("GET {path}?{query} HTTP/1.1\r\nHost: {}\r\n\r\n", created.relay);
    stuck.write_all(request.as_bytes()).await.unwrap();
    // That the first stream ends shows that the second has taken over.
    let taken_over = async {
        while let Some(piece) = first.piece().await? {
            read.push(&piece);
        }
        Ok::<(), HttpError>(())
    };
    timeout(SOON, taken_over).await.unwrap().unwrap();
    assert!(read.ended, "a stream that was replaced ends with `end`");
    let ack = Request::post(&format!("{}?v=1&ack={acked}", url("s")), "");
    assert_eq!(client.request(&ack, SOON).await.unwrap().head.status(), 201);

    let mut reader = Reader::new(stuck);
    let head = reader.head().await.unwrap().unwrap();
    let mut framing = Framing::of_answer(&head).unwrap();
    let mut second = Follower::default();
    while !second.units.values().any(is_close) {
        second.push(&timeout(SOON, reader.piece(&mut framing)).await.unwrap().unwrap().unwrap());
    }
    assert!(second.units.len() < read.units.len(), "the second stream was not stuck, so this proves nothing");
    for (number, unit) in &second.units {
        assert_eq!(read.units.get(number), Some(unit), "unit {number}");
    }
}
