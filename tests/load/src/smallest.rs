//! The hub's connections and its broker with the smallest protocol there is: who connects has subscribed, and what one
//! says, all are told.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming as RequestBody;
use hyper::{Request, Response};
use polysocket_broker::{
    Broker, BrokerConfig, BrokerMetrics, Kind, Position, Publication, SubscribeOptions, Subscribed,
    Subscriber, Subscription, Topic,
};
use polysocket_config::Span;
use polysocket_service::Lifecycle;
use polysocket_service::http::{Body, Exchange, Handler, HttpConfig, HttpMetrics, Server, bind};
use polysocket_service::metrics::Registry;
use polysocket_socket::{
    CloseSummary, Conversation, Incoming, Sender, SocketLimits, SocketMetrics, Sockets, text_frame,
};

/// Without heartbeats, so that no subject spends CPU on them while another does not: their time is longer than any run.
/// And without a limit on what one client may say.
pub fn limits() -> SocketLimits {
    SocketLimits { ping_every: Span::seconds(300), messages_per_second: 0, ..SocketLimits::default() }
}

/// A server of it in this process, until `life` ends.
pub struct Smallest {
    /// Where it listens.
    pub address: SocketAddr,
    broker: Broker,
    topic: Topic,
}

impl Smallest {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn serve(listen: &str, life: Lifecycle) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let registry = Registry::new();
        let broker = Broker::open(&BrokerConfig::default(), BrokerMetrics::new(&registry)).await?;
        let topic = Topic::new("load:/", "all");
        let sockets = Sockets::new(limits(), life.clone(), SocketMetrics::new(&registry));
        let mount = Mount { sockets, broker: broker.clone(), topic: topic.clone() };
        let bound = bind(listen, None)?;
        let address = bound.address()?;
        Server::new(mount, HttpConfig::default(), life, HttpMetrics::new(&registry)).serve(bound);
        Ok(Self { address, broker, topic })
    }

    /// Tells all, as one of them would.
    ///
    /// # Errors
    /// Those of the broker.
    pub async fn publish(&self, text: String) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.broker.publish(&self.topic, Kind::Text, text.into()).await?;
        Ok(())
    }
}

#[derive(Clone)]
struct Mount {
    sockets: Sockets,
    broker: Broker,
    topic: Topic,
}

impl Handler for Mount {
    async fn handle(&self, mut request: Request<RequestBody>, _: Exchange) -> Response<Body> {
        let (broker, topic) = (self.broker.clone(), self.topic.clone());
        let made = move |sender| Talk { sender, broker, topic, subscription: None };
        match self.sockets.accept(&mut request, made) {
            Ok(response) => response.map(|()| Body::empty()),
            Err(refusal) => {
                let mut response = Response::new(Body::full(refusal.to_string()));
                *response.status_mut() = refusal.status();
                response
            }
        }
    }
}

struct Talk {
    sender: Sender,
    broker: Broker,
    topic: Topic,
    subscription: Option<Subscription>,
}

impl Conversation for Talk {
    async fn opened(&mut self) {
        let told = Arc::new(Told(self.sender.clone()));
        match self.broker.subscribe(&self.topic, told, SubscribeOptions::default()).await {
            Ok(subscription) => self.subscription = Some(subscription),
            Err(error) => self.sender.close(1011, &error.to_string()),
        }
    }

    async fn message(&mut self, message: Incoming) {
        let (kind, payload) = match message {
            Incoming::Text(text) => (Kind::Text, Bytes::from(text)),
            Incoming::Binary(bytes) => (Kind::Binary, bytes),
        };
        if let Err(error) = self.broker.publish(&self.topic, kind, payload).await {
            self.sender.close(1011, &error.to_string());
        }
    }

    async fn closed(self, _: CloseSummary) {}
}

/// One who is told.
struct Told(Sender);

impl Subscriber for Told {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        self.0.send(publication.frame(0, |publication| text_frame(&publication.payload)).clone());
    }

    fn gap(&self, _: &Topic, _: &Position) {
        self.0.close(1011, "messages were lost");
    }
}
