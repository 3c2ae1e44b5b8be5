//! The fault proxy does what it says, against a trivial HTTP server.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use polysocket_tests::client::http::{HttpError, Request};
use polysocket_tests::client::{Dialer, HttpClient};
use polysocket_tests::fault::{FaultProxy, Plan, Rates};
use polysocket_tests::http1::{Framing, Head, Reader, encode_chunk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const LIMIT: Duration = Duration::from_secs(10);

/// `/count/NAME` answers how often it was asked; `/chunks` sends one chunk, and another when it may;
/// `/upgrade` echoes bytes.
#[derive(Debug)]
struct Trivial {
    address: SocketAddr,
    counts: Arc<Mutex<HashMap<String, u64>>>,
    counted: watch::Sender<u64>,
    go_on: watch::Sender<bool>,
}

impl Trivial {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            counts: Arc::default(),
            counted: watch::Sender::new(0),
            go_on: watch::Sender::new(false),
        });
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        server
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut reader = Reader::new(read);
        while let Some(head) = reader.head().await? {
            reader.body(Framing::of_request(&head)?).await?;
            let count = {
                let mut counts = self.counts.lock().unwrap();
                let count = counts.entry(head.target().to_owned()).or_default();
                *count += 1;
                *count
            };
            self.counted.send_modify(|all| *all += 1);
            if head.target() == "/upgrade" {
                write.write_all(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n").await?;
                let (mut read, first) = reader.into_parts();
                write.write_all(&first).await?;
                return tokio::io::copy(&mut read, &mut write).await.map(|_| ());
            }
            if head.target() == "/chunks" {
                write.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await?;
                let _ = self.go_on.subscribe().wait_for(|go| *go).await;
                write.write_all(&encode_chunk(b"b")).await?;
                write.write_all(&encode_chunk(b"")).await?;
                continue;
            }
            let body = format!("{count:0100}");
            let headers = vec![("Content-Length".to_owned(), body.len().to_string())];
            let mut wire = Head { start: "HTTP/1.1 200 OK".into(), headers }.encode();
            wire.extend_from_slice(body.as_bytes());
            write.write_all(&wire).await?;
        }
        Ok(())
    }

    fn count(&self, target: &str) -> u64 {
        self.counts.lock().unwrap().get(target).copied().unwrap_or(0)
    }

    /// Waits until so many requests have arrived in all.
    async fn arrived(&self, requests: u64) {
        let mut counted = self.counted.subscribe();
        tokio::time::timeout(LIMIT, counted.wait_for(|all| *all >= requests)).await.unwrap().unwrap();
    }
}

async fn through(rates: Rates) -> (Arc<Trivial>, FaultProxy, HttpClient) {
    let server = Trivial::start().await;
    let proxy = FaultProxy::start(server.address, Plan::new(5, rates)).await.unwrap();
    let client = HttpClient::new(Dialer::through(proxy.address()));
    (server, proxy, client)
}

fn get(target: &str) -> Request {
    Request::get(&format!("server{target}"))
}

/// The number that the server answered.
async fn number(client: &HttpClient, target: &str) -> Result<u64, HttpError> {
    let answer = client.request(&get(target), LIMIT).await?;
    Ok(std::str::from_utf8(&answer.body).unwrap().parse().unwrap())
}

#[tokio::test]
async fn without_faults_everything_passes() {
    let (server, proxy, client) = through(Rates::none()).await;
    for expected in 1..=3 {
        assert_eq!(number(&client, "/count/a").await.unwrap(), expected);
    }
    let post = Request::post("server/count/b", vec![b'x'; 100_000]);
    assert_eq!(client.request(&post, LIMIT).await.unwrap().head.status(), 200);
    let mut stream = client.open(&get("/chunks"), LIMIT).await.unwrap();
    assert_eq!(
        stream.piece().await.unwrap().as_deref(),
        Some(&b"a"[..]),
        "a chunk comes as soon as it is sent"
    );
    server.go_on.send_replace(true);
    assert_eq!(stream.piece().await.unwrap().as_deref(), Some(&b"b"[..]));
    assert_eq!(stream.piece().await.unwrap(), None);
    assert_eq!(proxy.counts()["pass"], 5);
}

#[tokio::test]
async fn a_dropped_answer_was_delivered() {
    let (server, _proxy, client) = through(Rates { drop_answer: 1000, ..Rates::none() }).await;
    assert!(matches!(number(&client, "/count/a").await, Err(HttpError::Broken(_))));
    assert_eq!(server.count("/count/a"), 1);
}

#[tokio::test]
async fn a_repeated_request_arrives_twice() {
    let (server, proxy, client) = through(Rates { repeat: 1000, ..Rates::none() }).await;
    for i in 0..20 {
        let answered = number(&client, &format!("/count/{i}")).await.unwrap();
        assert!(answered == 1 || answered == 2, "{answered}");
    }
    server.arrived(40).await;
    assert!((0..20).all(|i| server.count(&format!("/count/{i}")) == 2));
    let counts = proxy.counts();
    assert!(
        ["repeat-first", "repeat-second", "repeat-late"].iter().all(|name| counts[name] > 0),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_request_that_breaks_off_is_not_answered() {
    let (server, _proxy, client) = through(Rates { cut_request: 1000, ..Rates::none() }).await;
    for _ in 0..10 {
        assert!(matches!(number(&client, "/count/a").await, Err(HttpError::Broken(_))));
    }
    assert_eq!(server.count("/count/a"), 0, "a GET that lacks its last byte is no request");
}

#[tokio::test]
async fn truncation_is_seen_by_the_client() {
    for rates in [Rates { truncate: 1000, ..Rates::none() }, Rates { cut_answer: 1000, ..Rates::none() }] {
        let (server, _proxy, client) = through(rates).await;
        let mut broken = 0;
        for _ in 0..20 {
            match number(&client, "/count/a").await {
                Err(HttpError::Broken(_)) => broken += 1,
                other => assert_eq!(other.unwrap(), server.count("/count/a"), "an answer is whole or none"),
            }
        }
        assert!(broken >= 5, "{broken}");
        assert_eq!(server.count("/count/a"), 20);
    }
}

#[tokio::test]
async fn a_held_stream_comes_when_it_ends() {
    let hold_max = (1 << 20, LIMIT);
    let (server, _proxy, client) = through(Rates { hold: 1000, hold_max, ..Rates::none() }).await;
    let request = get("/chunks");
    let mut opening = std::pin::pin!(client.open(&request, LIMIT));
    tokio::select! {
        _ = &mut opening => panic!("a held answer came early"),
        () = async {
            server.arrived(1).await;
            // The proxy has the first chunk by then, or will soon: it must keep it in either case.
            tokio::time::sleep(Duration::from_millis(100)).await;
        } => {}
    }
    server.go_on.send_replace(true);
    let mut stream = opening.await.unwrap();
    assert_eq!(stream.piece().await.unwrap().as_deref(), Some(&b"a"[..]));
}

#[tokio::test]
async fn a_server_can_be_out_of_reach_for_a_while() {
    let (_server, mut proxy, client) = through(Rates::none()).await;
    assert_eq!(number(&client, "/count/a").await.unwrap(), 1);
    proxy.down().await;
    // The connection of the first request is cut, and a new one is refused.
    assert!(matches!(number(&client, "/count/a").await, Err(HttpError::Broken(_))));
    assert!(matches!(number(&client, "/count/a").await, Err(HttpError::Refused(_))));
    proxy.up().await.unwrap();
    assert_eq!(number(&client, "/count/a").await.unwrap(), 2);
    let (_server, proxy, client) = through(Rates { refuse: 1000, ..Rates::none() }).await;
    assert!(number(&client, "/count/a").await.is_err());
    assert_eq!(proxy.counts()["refuse"], 1);
}

#[tokio::test]
async fn an_upgraded_connection_is_cut_at_the_planned_byte() {
    let rates = Rates { cut_tunnel: 1000, tunnel_bytes_max: 5000, ..Rates::none() };
    let (_server, proxy, _client) = through(rates.clone()).await;
    let planned = Plan::new(5, rates).tunnel(0);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"GET /upgrade HTTP/1.1\r\nConnection: Upgrade\r\n\r\n").await.unwrap();
    let mut head = vec![0; b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n".len()];
    stream.read_exact(&mut head).await.unwrap();
    let mut echoed = 0;
    while stream.write_all(b"x").await.is_ok() && matches!(stream.read(&mut [0]).await, Ok(1)) {
        echoed += 1;
    }
    assert_eq!(Some(echoed), planned.up.or(planned.down));
    assert_eq!(proxy.counts()["cut-tunnel"], 1);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_run() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let rates = Rates { delay_max: Duration::from_millis(1), ..Rates::rough() };
        let (_server, proxy, client) = through(rates).await;
        let mut outcomes = Vec::new();
        for i in 0..300 {
            // Each has its own counter, so that a late repeat does not change a later answer.
            outcomes.push(number(&client, &format!("/count/{i}")).await.ok());
        }
        runs.push((outcomes, proxy.counts()));
    }
    assert!(runs[0].0.iter().filter(|outcome| outcome.is_none()).count() > 10, "{runs:?}");
    assert_eq!(runs[0], runs[1]);
}
