//! A hook that is down for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use polysocket_tests::http1::{Framing, Reader};
use polysocket_tests::patience::eventually;
use polysocket_tests::ports::free_port;
use polysocket_tests::redis_server::RedisServer;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::gockets::Rest;
use crate::nodes::Nodes;
use crate::socket::Socket;
use crate::turn;

/// Messages of each listener, and how many of them have room in the queue.
const SENT: usize = 200;
const ROOM: usize = 150;

/// How the hook answers a request that it has read, which the sender may see or not.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// The connection ends without an answer.
    Cut,
}

/// Back, but not well at once. After these all is well.
const UNWELL: [Answer; 8] = [
    Answer::Status(500),
    Answer::Cut,
    Answer::Status(200),
    Answer::Status(503),
    Answer::Cut,
    Answer::Cut,
    Answer::Status(429),
    Answer::Status(204),
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    id: String,
    client: String,
    text: String,
}

/// All calls, in the order in which they came.
type Calls = Arc<Mutex<Vec<Call>>>;

async fn hook(listener: TcpListener, calls: Calls) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, calls.clone()));
    }
}

async fn answer(stream: TcpStream, calls: Calls) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut reader = Reader::new(read);
    loop {
        let head = reader.head().await.ok()??;
        let body = reader.body(Framing::of_request(&head).ok()?).await.ok()?;
        let header = |name| head.header(name).unwrap_or_default().to_owned();
        let text = String::from_utf8_lossy(&body).into_owned();
        let call = Call { id: header("webhook-id"), client: header("x-gockets-client"), text };
        let count = {
            let mut calls = calls.lock().unwrap();
            calls.push(call);
            calls.len()
        };
        match UNWELL.get(count - 1).copied().unwrap_or(Answer::Status(200)) {
            Answer::Cut => return None,
            Answer::Status(status) => {
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                write.write_all(head.as_bytes()).await.ok()?;
            }
        }
    }
}

/// Texts by client, each id once; a repeat says the same, and comes before what is behind it.
fn by_client(calls: &[Call]) -> BTreeMap<String, Vec<String>> {
    let mut last: BTreeMap<&str, &Call> = BTreeMap::new();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for call in calls {
        if last.insert(&call.client, call) == Some(call) {
            continue;
        }
        assert!(ids.insert(&call.id), "{call:?} came again, behind others");
        texts.entry(call.client.clone()).or_default().push(call.text.clone());
    }
    texts
}

fn numbered(listener: char, numbers: std::ops::RangeInclusive<usize>) -> Vec<String> {
    numbers.map(|number| format!("{listener}{number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_it_is_back_it_gets_everything_in_order_and_once_by_id() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    let limits = format!("retry_first = \"20ms\"\nretry_longest = \"200ms\"\nchannel_count_max = {ROOM}");
    let nodes = Nodes::start(2, &redis.url(), &[("gockets_hooks", &limits)]).await;
    // Nobody listens there yet.
    let port = free_port().unwrap();
    let rest = Rest::new();
    let options = format!("{{\"subscriber_message_hook_url\":\"http://127.0.0.1:{port}/hook\"}}");
    let keys = rest.prepare(nodes.nodes[0].gockets, &options).await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let mut listeners = Vec::new();
    for (node, name) in nodes.nodes.iter().zip(['a', 'b']) {
        let mut listener = Socket::open(node.gockets, &path).await.unwrap();
        for text in numbered(name, 1..=SENT) {
            listener.say(&text).await;
        }
        listeners.push(listener);
    }

    // The bound holds, on each node, and is to be seen there.
    let overflow = SENT - ROOM;
    for node in &nodes.nodes {
        eventually("what has room waits, and what has none is dead", async || {
            let state = rest.hooks(node.gockets, &keys).await;
            let dead = state["dead"].as_array().map_or(0, Vec::len);
            (state["queued"].as_u64(), dead) == (Some(ROOM as u64), overflow)
                && state["attempts"].as_u64() > Some(2)
        })
        .await;
        let state = rest.hooks(node.gockets, &keys).await;
        assert!(state["failure"].as_str().unwrap().contains("refused the connection"), "{state}");
        assert!(state["dead"][0]["why"].as_str().unwrap().contains("channel_count_max"), "{state}");
        for (series, value) in [("hook_queue", ROOM), ("dead_letters", overflow)] {
            let found = node.admin.metric(&format!("polysocket_gockets_{series}")).await;
            assert_eq!(found, Some(f64::from(u32::try_from(value).unwrap())), "{series}");
        }
    }

    let calls = Calls::default();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let mut server = JoinSet::new();
    server.spawn(hook(listener, calls.clone()));
    let until_empty = async || {
        for node in &nodes.nodes {
            eventually("nothing waits", async || rest.hooks(node.gockets, &keys).await["queued"] == 0).await;
        }
        let mut texts: Vec<Vec<String>> = by_client(&calls.lock().unwrap()).into_values().collect();
        texts.sort();
        texts
    };
    assert_eq!(until_empty().await, ['a', 'b'].map(|name| numbered(name, 1..=ROOM)));
    let repeats = calls.lock().unwrap().len() - 2 * ROOM;
    println!("{repeats} of {} attempts failed and came again", UNWELL.len());
    assert!(repeats >= 5, "{repeats}");

    // What had no room is kept, and can be sent behind.
    for node in &nodes.nodes {
        let path = format!("/channel/hooks/{}/retry", keys.publisher);
        let answer = rest.send("POST", node.gockets, &path, "").await.unwrap();
        assert_eq!(answer.head.status(), 200, "{answer:?}");
    }
    assert_eq!(until_empty().await, ['a', 'b'].map(|name| numbered(name, 1..=SENT)));
    for node in &nodes.nodes {
        let dead = node.admin.metric("polysocket_gockets_dead_letters").await;
        assert_eq!(dead, Some(0.0));
    }
}
