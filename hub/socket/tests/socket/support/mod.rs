//! A server whose protocol echoes, and clients of it.

pub mod raw;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming as RequestBody;
use polysocket_service::Lifecycle;
use polysocket_service::http::{Body, Exchange, Handler, HttpConfig, HttpMetrics, Server, bind};
use polysocket_service::metrics::{Registry, render};
use polysocket_service::tls::Certificate;
use polysocket_socket::{
    CloseSummary, Conversation, Incoming, Sender, SocketLimits, SocketMetrics, Sockets, binary_frame,
    text_frame,
};
use polysocket_tests::patience::eventually;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Nothing here takes so long on any machine; it only ends a test that hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the protocol has seen.
#[derive(Debug)]
pub enum Seen {
    Opened(Sender),
    Message(Incoming),
    Closed(Sender, CloseSummary),
}

/// A server.
pub struct Hub {
    pub address: SocketAddr,
    pub life: Lifecycle,
    pub sockets: Sockets,
    /// What waits for `hold` goes on.
    pub release: Arc<Notify>,
    registry: Registry,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Hub {
    pub fn start(change: impl FnOnce(&mut SocketLimits)) -> Self {
        Self::start_with(None, change)
    }

    pub fn start_with(certificate: Option<Arc<Certificate>>, change: impl FnOnce(&mut SocketLimits)) -> Self {
        let mut limits = SocketLimits::default();
        change(&mut limits);
        let (life, registry) = (Lifecycle::new(), Registry::new());
        let sockets = Sockets::new(limits, life.clone(), SocketMetrics::new(&registry));
        let (saw, seen) = mpsc::unbounded_channel();
        let release = Arc::new(Notify::new());
        let routes = Echo { sockets: sockets.clone(), saw, release: release.clone() };
        let server = Server::new(routes, HttpConfig::default(), life.clone(), HttpMetrics::new(&registry));
        let bound = bind("127.0.0.1:0", certificate).unwrap();
        let address = bound.address().unwrap();
        server.serve(bound);
        Self { address, life, sockets, release, registry, seen }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    pub async fn seen(&mut self) -> Seen {
        timeout(PATIENCE, self.seen.recv()).await.expect("something to happen").unwrap()
    }

    pub async fn opened(&mut self) -> Sender {
        loop {
            if let Seen::Opened(sender) = self.seen().await {
                return sender;
            }
        }
    }

    pub async fn closed(&mut self) -> CloseSummary {
        loop {
            if let Seen::Closed(sender, how) = self.seen().await {
                assert!(!sender.is_open() && !sender.send(text_frame(b"late")));
                timeout(PATIENCE, sender.closed()).await.expect("a connection that has ended says so");
                return how;
            }
        }
    }

    /// The value of a metric, as it is scraped.
    pub fn metric(&self, name: &str) -> i64 {
        let text = String::from_utf8(render(&self.registry)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Until a metric has a value.
    pub async fn metric_is(&self, name: &str, value: i64) {
        eventually(&format!("{name} is {value}"), async || self.metric(name) == value).await;
    }
}

#[derive(Clone)]
struct Echo {
    sockets: Sockets,
    saw: mpsc::UnboundedSender<Seen>,
    release: Arc<Notify>,
}

impl Handler for Echo {
    async fn handle(&self, mut request: Request<RequestBody>, _: Exchange) -> Response<Body> {
        let (saw, release) = (self.saw.clone(), self.release.clone());
        let accepted = self.sockets.accept(&mut request, move |sender| Talk { sender, saw, release });
        match accepted {
            Ok(response) => response.map(|()| Body::empty()),
            Err(refusal) => {
                let mut response = Response::new(Body::full(refusal.to_string()));
                *response.status_mut() = refusal.status();
                response
            }
        }
    }
}

/// Echoes. `close CODE REASON` closes so, `hold` waits for the test, `panic` panics.
struct Talk {
    sender: Sender,
    saw: mpsc::UnboundedSender<Seen>,
    release: Arc<Notify>,
}

impl Conversation for Talk {
    async fn opened(&mut self) {
        let _ = self.saw.send(Seen::Opened(self.sender.clone()));
    }

    async fn message(&mut self, message: Incoming) {
        let _ = self.saw.send(Seen::Message(message.clone()));
        match message {
            Incoming::Binary(bytes) => drop(self.sender.send(binary_frame(&bytes))),
            Incoming::Text(text) => {
                if let Some(rest) = text.strip_prefix("close ") {
                    let (code, reason) = rest.split_once(' ').unwrap();
                    self.sender.close(code.parse().unwrap(), reason);
                } else if *text == *"hold" {
                    self.release.notified().await;
                } else if *text == *"panic" {
                    panic!("as the client has asked for");
                } else {
                    self.sender.send(text_frame(text.as_bytes()));
                }
            }
        }
    }

    async fn closed(self, how: CloseSummary) {
        let _ = self.saw.send(Seen::Closed(self.sender, how));
    }
}
