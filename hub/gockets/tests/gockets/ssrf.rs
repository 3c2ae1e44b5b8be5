//! Hooks must not be a way into the operator's network.

use crate::bed::{Bed, eventually};
use crate::hook::Hook;

const NOT_ALLOWED: &str = r#"{"type":"ERR","message":"Hook url not allowed"}"#;

#[tokio::test]
async fn addresses_inside_are_refused_when_they_are_set() {
    let bed = Bed::with(|setup| setup.loopback = false).await;
    let keys = bed.prepare("").await;
    for url in [
        "http://localhost/log.php",
        "http://127.0.0.1:6379/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00::1]/",
        "http://[64:ff9b::a00:1]/",
        "http://0.0.0.0/",
        "http://a.localhost/",
    ] {
        let body = format!("{{\"subscriber_message_hook_url\":\"{url}\"}}");
        let answer = bed.post("/channel/prepare", &body).await;
        assert_eq!((answer.status(), answer.text()), (400, NOT_ALLOWED), "{url}");
        let path = format!("/channel/edit/{}", keys.publisher);
        let answer = bed.send("PATCH", &path, &[], body.as_bytes()).await;
        assert_eq!((answer.status(), answer.text()), (400, NOT_ALLOWED), "{url}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_dialled() {
    let mut hook = Hook::new().await;
    // A name server of the test's, which says that every name is this machine's.
    let server = dns::Liar::new().await;
    let bed = Bed::with(|setup| {
        setup.loopback = false;
        setup.targets.name_servers = vec![server.address.to_string()];
    })
    .await;
    let url = format!("http://rebound.example.com:{}/", hook.address.port());
    let keys = bed.prepare_with_hook(&url, "").await;
    bed.subscribe(&keys).await.say("secret").await;
    eventually("it is a dead letter", async || bed.hook_state(&keys).await["dead"][0]["body"] == "secret")
        .await;
    let state = bed.hook_state(&keys).await;
    assert!(state["dead"][0]["why"].as_str().unwrap().contains("loopback"), "{state}");
    assert_eq!(state["dead"][0]["attempts"], 1, "a refusal is final");
    assert_eq!((hook.pending(), server.asked() > 0), (0, true), "nothing was dialled");
}

#[tokio::test]
async fn a_redirect_does_not_lead_inside() {
    let (mut outside, mut inside) = (Hook::new().await, Hook::new().await);
    let answer = format!("HTTP/1.1 307 X\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", inside.url());
    outside.answer([answer]);
    let bed = Bed::new().await;
    let keys = bed.prepare_with_hook(&outside.url(), "").await;
    bed.subscribe(&keys).await.say("x").await;
    outside.call().await;
    eventually("it is a dead letter", async || bed.hook_state(&keys).await["dead"][0]["body"] == "x").await;
    assert_eq!(inside.pending(), 0);
}

/// As much of DNS (RFC 1035) as a lie needs.
mod dns {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::UdpSocket;
    use tokio::task::JoinHandle;

    pub struct Liar {
        pub address: SocketAddr,
        asked: Arc<AtomicUsize>,
        server: JoinHandle<()>,
    }

    impl Drop for Liar {
        fn drop(&mut self) {
            self.server.abort();
        }
    }

    impl Liar {
        pub async fn new() -> Self {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = socket.local_addr().unwrap();
            let asked = Arc::new(AtomicUsize::new(0));
            let counter = asked.clone();
            let server = tokio::spawn(async move {
                let mut query = [0; 512];
                loop {
                    let (length, from) = socket.recv_from(&mut query).await.unwrap();
                    counter.fetch_add(1, Ordering::Relaxed);
                    socket.send_to(&answer(&query[..length]), from).await.unwrap();
                }
            });
            Self { address, asked, server }
        }

        pub fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    /// 127.0.0.1 for every name and an A record; nothing for others.
    fn answer(query: &[u8]) -> Vec<u8> {
        let name_end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
        let question = &query[12..name_end + 4];
        let wants_a = question[question.len() - 4..question.len() - 2] == [0, 1];
        let mut out = query[..2].to_vec();
        out.extend_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(wants_a), 0, 0, 0, 0]);
        out.extend_from_slice(question);
        if wants_a {
            out.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
        }
        out
    }
}
