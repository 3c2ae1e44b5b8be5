//! The PostgreSQL bridge against the database itself and against the hub's broker, in one run and one process.
//!
//! `polysocket-load-postgres URL` with a server that has nothing else to do:
//! - the rate of WebSocket → NOTIFY → WebSocket against one `select pg_notify` per message on one connection,
//! - one message at a time against NOTIFY → LISTEN between two clients of the database,
//! - a notification to 1,000 sockets against the broker's fan-out to as many,
//! - connections to the database at 10 and at 5,000 sockets.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::poll_fn;
use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming as RequestBody;
use hyper::{Request, Response};
use jsonwebtoken::{EncodingKey, Header, encode};
use polysocket_broker::{
    Broker, BrokerConfig, BrokerMetrics, Kind, Position, Publication, SubscribeOptions, Subscribed,
    Subscriber, Subscription, Topic,
};
use polysocket_config::Span;
use polysocket_postgres::{Parts, Postgres, PostgresConfig, PostgresMetrics, Wire};
use polysocket_service::Lifecycle;
use polysocket_service::http::{Body, Exchange, Handler, HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_service::metrics::Registry;
use polysocket_socket::{
    CloseSummary, Conversation, Incoming, Sender, SocketLimits, SocketMetrics, Sockets, text_frame,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, NoTls};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SECRET: &str = "a secret of this measurement alone, of 48 bytes.";
/// Rounds of each comparison; the median of their ratios counts.
const ROUNDS: usize = 5;
const RATE_TIME: Duration = Duration::from_secs(3);
const WRITERS: usize = 32;
const LATENCIES: usize = 1_000;
const FANOUT: usize = 1_000;
const FANOUTS: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: polysocket-load-postgres postgres://user@host/database");
        return ExitCode::from(64);
    };
    match run(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polysocket-load-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(url: &str) -> Anyhow<()> {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let address = bridge(url).await?;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (plain, ours) = (plain_rate(url).await?, bridge_rate(&address).await?);
        println!("rate {round}: plain {plain:.0}/s, bridge {ours:.0}/s, {:.1} times", ours / plain);
        ratios.push(ours / plain);
    }
    println!("rate: {:.1} times (median)", median(&mut ratios));
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (plain, ours) = (plain_latency(url).await?, bridge_latency(&address).await?);
        let (plain, ours) = (quantiles(plain), quantiles(ours));
        println!(
            "latency {round}: plain p50 {:?} p99 {:?}, bridge p50 {:?} p99 {:?}",
            plain.0, plain.1, ours.0, ours.1
        );
        ratios.push(ours.1.as_secs_f64() / plain.1.as_secs_f64());
    }
    println!("latency: p99 {:.2} times (median)", median(&mut ratios));
    let (notifier, _) = connect(url, None).await?;
    let count = async || -> Anyhow<i64> {
        let asked = "select count(*) from pg_stat_activity where application_name like 'polysocket %'";
        Ok(notifier.query_one(asked, &[]).await?.get(0))
    };
    let sockets = fan(&address, &path("fan", "r", "all"), 10).await?;
    println!("connections to the database at 10 sockets: {}", count().await?);
    drop(sockets);
    let (broker, topic, at) = broker().await?;
    let mut ratios = Vec::new();
    let ours = fan(&address, &path("fan", "r", "all"), FANOUT).await?;
    let theirs = fan(&at, "/", FANOUT).await?;
    for round in 1..=ROUNDS {
        let broker_time = fanout(&theirs, async |payload| {
            broker.publish(&topic, Kind::Text, payload.into()).await.map(drop).map_err(Into::into)
        })
        .await?;
        let our_time = fanout(&ours, async |payload| {
            notifier.execute("select pg_notify('all', $1)", &[&payload]).await.map(drop).map_err(Into::into)
        })
        .await?;
        let (broker_time, our_time) = (quantiles(broker_time), quantiles(our_time));
        println!(
            "fan-out to {FANOUT} {round}: broker p50 {:?} p99 {:?}, notification p50 {:?} p99 {:?}",
            broker_time.0, broker_time.1, our_time.0, our_time.1
        );
        ratios.push(our_time.0.as_secs_f64() / broker_time.0.as_secs_f64());
    }
    println!("fan-out: p50 {:.2} times (median)", median(&mut ratios));
    drop(theirs);
    let more = fan(&address, &path("fan", "r", "all"), 5_000 - FANOUT).await?;
    println!("connections to the database at 5,000 sockets: {}", count().await?);
    drop((ours, more));
    Ok(())
}

/// A bridge in this process; where it listens.
async fn bridge(url: &str) -> Anyhow<String> {
    let (life, registry) = (Lifecycle::new(), Registry::new());
    let config = PostgresConfig {
        url: url.to_owned(),
        wire: Wire::Seed,
        jwt_secret: Some(SECRET.to_owned()),
        ..PostgresConfig::default()
    };
    let postgres = Postgres::new(Parts {
        config,
        contends: false,
        socket_limits: limits(),
        socket_metrics: SocketMetrics::new(&registry),
        life: life.clone(),
        metrics: PostgresMetrics::new(&registry),
    })?;
    let bound = bind("127.0.0.1:0", None)?;
    let address = bound.address()?.to_string();
    let http = HttpMetrics::new(&registry);
    Server::new(Routes::new(postgres.routes()), HttpConfig::default(), life, http).serve(bound);
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(why) = postgres.ready() {
        if Instant::now() > deadline {
            return Err(why.into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(address)
}

/// No heartbeats within a run, and no limit on what one client may say.
fn limits() -> SocketLimits {
    SocketLimits { ping_every: Span::seconds(300), messages_per_second: 0, ..SocketLimits::default() }
}

fn path(name: &str, mode: &str, channel: &str) -> String {
    let claims = serde_json::json!({"mode": mode, "channel": channel, "sub": name});
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
    format!("/{}", token.unwrap_or_default())
}

async fn open(address: &str, path: &str) -> Anyhow<Ws> {
    let (mut ws, _) = connect_async(format!("ws://{address}{path}")).await?;
    if let MaybeTlsStream::Plain(tcp) = ws.get_mut() {
        tcp.set_nodelay(true)?;
    }
    Ok(ws)
}

/// A client of the database, and what it hears on `listen`.
async fn connect(url: &str, listen: Option<&str>) -> Anyhow<(Client, mpsc::UnboundedReceiver<Instant>)> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) && sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    if let Some(channel) = listen {
        client.batch_execute(&format!("listen \"{channel}\"")).await?;
    }
    Ok((client, receiver))
}

const TEXT: &str =
    "a message of a chat, as long as most of them are: some hundred characters, with a name and a time.";

async fn plain_rate(url: &str) -> Anyhow<f64> {
    let (client, _) = connect(url, None).await?;
    let (_listener, mut heard) = connect(url, Some("plain")).await?;
    let statement = client.prepare("select pg_notify($1, $2)").await?;
    let begin = Instant::now();
    let mut sent = 0_u64;
    while begin.elapsed() < RATE_TIME {
        client.execute(&statement, &[&"plain", &format!("{{\"payload\":\"{sent} {TEXT}\"}}")]).await?;
        sent += 1;
    }
    for _ in 0..sent {
        heard.recv().await.ok_or("the listener ended")?;
    }
    Ok(sent as f64 / begin.elapsed().as_secs_f64())
}

async fn bridge_rate(address: &str) -> Anyhow<f64> {
    let mut reader = open(address, &path("reader", "r", "rate")).await?;
    let said = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut ws = open(address, &path("writer", "w", "rate")).await?;
        let said = said.clone();
        writers.push(tokio::spawn(async move {
            let mut number = 0_u64;
            while begin.elapsed() < RATE_TIME {
                for _ in 0..16 {
                    if ws.feed(Message::text(format!("{writer} {number} {TEXT}"))).await.is_err() {
                        return;
                    }
                    number += 1;
                }
                if ws.flush().await.is_err() {
                    return;
                }
                said.fetch_add(16, Ordering::Relaxed);
            }
            let _ = ws.close(None).await;
        }));
    }
    let mut heard = 0_u64;
    let mut all = None;
    loop {
        if all.is_none() && writers.iter().all(JoinHandle::is_finished) {
            all = Some(said.load(Ordering::Relaxed));
        }
        if all.is_some_and(|all| heard >= all) {
            break;
        }
        match tokio::time::timeout(Duration::from_secs(10), reader.next()).await {
            Ok(Some(Ok(Message::Text(_)))) => heard += 1,
            Ok(Some(Ok(_))) => {}
            other => return Err(format!("after {heard} of {all:?}: {other:?}").into()),
        }
    }
    Ok(heard as f64 / begin.elapsed().as_secs_f64())
}

async fn plain_latency(url: &str) -> Anyhow<Vec<Duration>> {
    let (client, _) = connect(url, None).await?;
    let (_listener, mut heard) = connect(url, Some("plain")).await?;
    let statement = client.prepare("select pg_notify($1, $2)").await?;
    let mut times = Vec::new();
    for number in 0..LATENCIES {
        let begin = Instant::now();
        client.execute(&statement, &[&"plain", &format!("{number} {TEXT}")]).await?;
        times.push(heard.recv().await.ok_or("the listener ended")?.duration_since(begin));
    }
    Ok(times)
}

async fn bridge_latency(address: &str) -> Anyhow<Vec<Duration>> {
    let mut reader = open(address, &path("reader", "r", "latency")).await?;
    let mut writer = open(address, &path("writer", "w", "latency")).await?;
    let mut times = Vec::new();
    for number in 0..LATENCIES {
        let begin = Instant::now();
        writer.send(Message::text(format!("{number} {TEXT}"))).await?;
        while !matches!(reader.next().await.ok_or("closed")??, Message::Text(_)) {}
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// Sockets that count what they hear.
struct Fan {
    sockets: Vec<JoinHandle<()>>,
    /// All of them have heard as much as any.
    done: Arc<Notify>,
}

impl Drop for Fan {
    fn drop(&mut self) {
        self.sockets.iter().for_each(JoinHandle::abort);
    }
}

async fn fan(address: &str, path: &str, count: usize) -> Anyhow<Fan> {
    let (heard, done) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut ws = open(address, path).await?;
        let (heard, done) = (heard.clone(), done.clone());
        sockets.push(tokio::spawn(async move {
            while let Some(Ok(message)) = ws.next().await {
                if message.is_text()
                    && (heard.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(count as u64)
                {
                    done.notify_one();
                }
            }
        }));
    }
    Ok(Fan { sockets, done })
}

/// From saying something to the last socket's having heard it.
async fn fanout(fan: &Fan, say: impl AsyncFn(String) -> Anyhow<()>) -> Anyhow<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 0..FANOUTS {
        let begin = Instant::now();
        say(format!("{number} {TEXT}")).await?;
        tokio::time::timeout(Duration::from_secs(10), fan.done.notified()).await?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// The hub's broker with the smallest protocol there is: who connects has subscribed.
async fn broker() -> Anyhow<(Broker, Topic, String)> {
    let (life, registry) = (Lifecycle::new(), Registry::new());
    let broker = Broker::open(&BrokerConfig::default(), BrokerMetrics::new(&registry)).await?;
    let topic = Topic::new("load:/", "all");
    let sockets = Sockets::new(limits(), life.clone(), SocketMetrics::new(&registry));
    let mount = Mount { sockets, broker: broker.clone(), topic: topic.clone() };
    let bound = bind("127.0.0.1:0", None)?;
    let address = bound.address()?.to_string();
    Server::new(mount, HttpConfig::default(), life, HttpMetrics::new(&registry)).serve(bound);
    Ok((broker, topic, address))
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
        match self.sockets.accept(&mut request, move |sender| Listening {
            sender,
            broker,
            topic,
            subscription: None,
        }) {
            Ok(response) => response.map(|()| Body::empty()),
            Err(refusal) => {
                let mut response = Response::new(Body::full(refusal.to_string()));
                *response.status_mut() = refusal.status();
                response
            }
        }
    }
}

struct Listening {
    sender: Sender,
    broker: Broker,
    topic: Topic,
    subscription: Option<Subscription>,
}

impl Conversation for Listening {
    async fn opened(&mut self) {
        let told = Arc::new(Told(self.sender.clone()));
        match self.broker.subscribe(&self.topic, told, SubscribeOptions::default()).await {
            Ok(subscription) => self.subscription = Some(subscription),
            Err(error) => self.sender.close(1011, &error.to_string()),
        }
    }

    async fn message(&mut self, _: Incoming) {}

    async fn closed(self, _: CloseSummary) {}
}

struct Told(Sender);

impl Subscriber for Told {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        let frame: &Bytes = publication.frame(0, |publication| text_frame(&publication.payload));
        self.0.send(frame.clone());
    }

    fn gap(&self, _: &Topic, _: &Position) {
        self.0.close(1011, "messages were lost");
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
