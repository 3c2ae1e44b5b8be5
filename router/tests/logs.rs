//! One line for each create, and no secret in it. A program of its own: what one test logs depends on whether another
//! has a subscriber, at the moment when a line is reached for the first time.
#![allow(clippy::unwrap_used)]

#[path = "router/bed.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use the rest")]
mod bed;
#[path = "router/relay.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use the rest")]
mod relay;

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::bed::{Bed, memory};
use crate::relay::{Does, Relay};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_and_no_secret() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bed = Bed::with(memory(), |_| ());
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let create = "/create?v=1&from=page%201.0%0aforged&token=SECRET-TOKEN&nonce=SECRET-NONCE-0123\
                  &target=ws://target.example:81/SECRET-PATH?SECRET-QUERY";
    let socket = bed.get(create).await.socket();
    bed.get(&create.replace("SECRET-NONCE", "SECRET.NONCE")).await.refused("bad-request");
    bed.get(&create.replace("target.example", "SECRET-USER@target.example")).await.refused("bad-target");
    bed.get(&create.replace("target.example", "10.0.0.1")).await.refused("forbidden");

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("polysocket_router")).collect();
    assert_eq!(ours.len(), 4, "{text}");
    let opened = r#"outcome="opened" from="page 1.0?forged" target="ws://target.example:81" node="tom" ms="#;
    assert!(ours[0].contains(opened) && ours[0].contains("INFO"), "{}", ours[0]);
    for (line, outcome) in ours[1..].iter().zip(["bad-request", "bad-target", "forbidden"]) {
        assert!(line.contains(&format!(r#"outcome="{outcome}""#)) && line.contains("DEBUG"), "{line}");
    }
    assert!(ours[3].contains("a private address"), "the operator is told why: {}", ours[3]);
    assert!(!text.contains("SECRET") && !text.contains(&socket), "{text}");
}
