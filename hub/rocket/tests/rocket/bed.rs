//! A server on a free port, and clients that say what a test wants.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics};
use polysocket_rocket::{HubConfig, Parts, Rocket, RocketConfig, RocketMetrics, UserConfig};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Server, bind_all};
use polysocket_socket::{SocketLimits, SocketMetrics, Sockets};
use polysocket_tests::patience::eventually;
use polysocket_tokens::Keyring;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything takes that does happen.
pub const SOON: Duration = Duration::from_secs(60);

/// What a test changes of the defaults.
pub struct Setup {
    pub rocket: RocketConfig,
    pub socket: SocketLimits,
    pub broker: BrokerConfig,
    pub keyring: Option<Arc<Keyring>>,
}

/// The hub of the original's example, and a second one whose users have less.
pub fn setup() -> Setup {
    let text = include_str!("../example.json");
    let (mut rocket, _) = polysocket_rocket::from_original(text).unwrap();
    rocket.hubs[0].users.push(user("reader", "r", 1));
    rocket.hubs[0].users.push(user("writer", "w", 2));
    rocket.hubs[0].users.push(user("nobody", "n", 0));
    rocket.hubs.push(HubConfig {
        path: "/other/".into(),
        users: vec![user("backend", "other", 3)].into(),
        ..HubConfig::default()
    });
    rocket.listen = vec!["localhost:0".into()];
    Setup { rocket, socket: SocketLimits::default(), broker: BrokerConfig::default(), keyring: None }
}

pub fn user(name: &str, secret: &str, permission: u8) -> UserConfig {
    UserConfig { name: name.into(), secret: Some(secret.into()), permission, ..UserConfig::default() }
}

/// A server.
pub struct Bed {
    pub address: String,
    pub life: Lifecycle,
    pub metrics: prometheus::Registry,
    pub broker: Broker,
    pub rocket: Rocket,
}

impl Bed {
    pub async fn start() -> Self {
        Self::of(setup()).await
    }

    pub async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = setup();
        change(&mut setup);
        Self::of(setup).await
    }

    pub async fn of(setup: Setup) -> Self {
        let metrics = prometheus::Registry::new();
        let life = Lifecycle::new();
        let broker = Broker::open(&setup.broker, BrokerMetrics::new(&metrics)).await.unwrap();
        let sockets = Sockets::new(setup.socket.clone(), life.clone(), SocketMetrics::new(&metrics));
        let listen = &setup.rocket;
        let (chain, private) = (listen.tls_certificate.as_deref(), listen.tls_private.as_deref());
        let bound = bind_all(&listen.listen, &listen.tls_listen, chain, private).unwrap();
        let rocket = Rocket::new(Parts {
            config: setup.rocket,
            broker: broker.clone(),
            sockets,
            queue_bytes_max: setup.socket.queue_bytes_max.as_usize(),
            keyring: setup.keyring,
            life: life.clone(),
            metrics: RocketMetrics::new(&metrics),
        })
        .unwrap();
        let address = bound[0].address().unwrap().to_string();
        let server =
            Server::new(rocket.clone(), HttpConfig::default(), life.clone(), HttpMetrics::new(&metrics));
        for bound in bound {
            server.serve(bound);
        }
        Self { address, life, metrics, broker, rocket }
    }

    /// A client of the example's hub.
    pub async fn client(&self) -> Client {
        self.client_at("/echo").await
    }

    pub async fn client_at(&self, path: &str) -> Client {
        Client::connect(&format!("ws://{}{path}", self.address)).await
    }

    /// One that is logged in.
    pub async fn user(&self, name: &str, secret: &str) -> Client {
        let mut client = self.client().await;
        client.login(name, secret).await;
        client
    }

    pub async fn backend(&self) -> Client {
        self.user("backend", "secret").await
    }

    /// The value of a metric, with its labels as in `name{label="value"}`.
    pub fn metric(&self, name: &str) -> f64 {
        let text = String::from_utf8(polysocket_service::metrics::render(&self.metrics)).unwrap();
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Waits until a metric has a value.
    pub async fn metric_becomes(&self, name: &str, value: f64) {
        let what = format!("{name} is {value}");
        eventually(&what, async || (self.metric(name) - value).abs() < 0.1).await;
    }
}

/// A client.
pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(url: &str) -> Self {
        Self::try_connect(url, None).await.unwrap()
    }

    /// With an `Origin`, if one is given; the status of a refusal.
    pub async fn try_connect(url: &str, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = url.into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match timeout(SOON, connect_async(request)).await.expect("an answer") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends without waiting in between.
    pub async fn send_all(&mut self, texts: impl Iterator<Item = String>) {
        for text in texts {
            self.0.feed(Message::text(text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    pub async fn send_message(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next frame.
    pub async fn next(&mut self) -> Message {
        loop {
            let next = timeout(SOON, self.0.next()).await.expect("a frame in time");
            match next.expect("a frame").expect("a whole frame") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// The next text.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Sends, and gives the next text.
    pub async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.text().await
    }

    pub async fn ask_json(&mut self, text: &str) -> Value {
        serde_json::from_str(&self.ask(text).await).unwrap()
    }

    /// Sends, and the next text is this to the byte.
    #[track_caller]
    pub fn says<'a>(&'a mut self, text: &'a str, answer: &'a str) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let found = self.ask(text).await;
            assert_eq!(found, answer, "to {text} at {place}");
        }
    }

    /// The next text is this to the byte.
    #[track_caller]
    pub fn hears<'a>(&'a mut self, text: &'a str) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            assert_eq!(self.text().await, text, "at {place}");
        }
    }

    /// Nothing has come: what is asked now is answered next. Answers come after all that was sent before them.
    #[track_caller]
    pub fn hears_nothing(&mut self) -> impl Future<Output = ()> + use<'_> {
        self.says(r#"{"quiet?":true}"#, r#"{"err":"UNDEFINED_EVENT","event":"quiet?"}"#)
    }

    pub async fn login(&mut self, name: &str, secret: &str) {
        let request = serde_json::json!({"authenticate": {"user": name, "secret": secret}});
        let answer = self.ask_json(&request.to_string()).await;
        assert_eq!(answer, serde_json::json!({"authenticated": name}));
    }

    pub async fn subscribe(&mut self, channel: &str) {
        let request = serde_json::json!({"subscribe": {"channel": channel}});
        let answer = self.ask_json(&request.to_string()).await;
        assert_eq!(answer, serde_json::json!({"subscribed": channel}));
    }

    pub async fn broadcast(&mut self, channel: &str, data: u64) {
        let request = serde_json::json!({"broadcast": {"event": "e", "channel": channel, "data": data}});
        let answer = self.ask_json(&request.to_string()).await;
        assert_eq!(answer, serde_json::json!({"broadcasted": channel}));
    }

    /// Code and reason of the close frame that is next.
    pub async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }
}
