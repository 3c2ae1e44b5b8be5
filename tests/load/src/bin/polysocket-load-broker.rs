//! What the broker adds: to a message on its way over Redis, beside bare pub/sub; and to a fan-out in memory, beside a
//! loop over the subscribers. Both sides run in each round, so that what slows the machine slows both.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use polysocket_broker::{
    Broker, BrokerConfig, BrokerMetrics, Kind, Position, Publication, SubscribeOptions, Subscribed,
    Subscriber, Topic,
};
use polysocket_load::stats::{Latencies, median, paired_ratio, range};
use polysocket_redis::redis::{AsyncConnectionConfig, Client, PushInfo, PushKind, Value, cmd};
use polysocket_service::metrics::Registry;
use polysocket_tests::redis_server::RedisServer;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

const ROUNDS: u32 = 5;
const MESSAGE_BYTES: usize = 64;
/// For a message to come.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(10);
/// Messages before the first round, so that what grows has grown.
const WARM_UP: u32 = 1000;
/// Deliveries of one fan-out, at most, and messages.
const DELIVERIES: u32 = 10_000_000;
const FANOUT_MESSAGES_MAX: u32 = 200_000;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the broker beside what it stands on: bare pub/sub of Redis (7 or later), and a loop over subscribers.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds, each with both sides of every figure (5; 1 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Prove that everything works, in seconds; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Messages over Redis in a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    per_second: u32,
    /// Seconds that they are measured for
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Subscribers of the fan-outs in memory, separated by commas
    #[arg(
        long,
        value_delimiter = ',',
        default_values_t = [1, 10, 1000, 10_000],
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    subscribers: Vec<u32>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polysocket-load-broker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { ROUNDS });
    println!(
        "| figure | broker | range | beside it | range | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    );
    over_redis(options, rounds).await?;
    for subscribers in &options.subscribers {
        in_memory(options, rounds, *subscribers).await?;
    }
    Ok(())
}

/// One figure of a run: what the broker needed in each round, and what is beside it.
fn tell(name: &str, broker: &[f64], beside: &[f64]) {
    let side = |values: &[f64]| {
        let (low, high) = range(values).unwrap_or_default();
        format!("{:.1} | {low:.1}–{high:.1}", median(values).unwrap_or_default())
    };
    let ratio = paired_ratio(broker, beside).unwrap_or_default();
    println!("| {name} | {} | {} | {ratio:.2} |", side(broker), side(beside));
}

// Over Redis.

/// Payloads as they come, or why one did not go.
type Come = Result<Bytes, String>;

/// So many messages, one each of these.
#[derive(Clone, Copy)]
struct Pace {
    messages: u32,
    every: Duration,
}

async fn over_redis(options: &Options, rounds: u32) -> Result<()> {
    let server = RedisServer::start().await?;
    let url = server.url();
    let every = Duration::from_secs(1) / options.per_second;
    let messages = if options.quick { 100 } else { (options.per_second * options.seconds).div_ceil(2) };
    let (half, warm_up) = (Pace { messages, every }, Pace { messages: WARM_UP.min(messages), every });
    by_broker(&url, warm_up).await?;
    by_redis(&url, warm_up).await?;
    let (mut p50, mut p99) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        // In this order, so that what changes steadily concerns both alike.
        let mut broker = by_broker(&url, half).await?;
        let mut beside = by_redis(&url, half).await?;
        beside.append(by_redis(&url, half).await?);
        broker.append(by_broker(&url, half).await?);
        for (side, latencies) in [broker, beside].into_iter().enumerate() {
            let (half_of_all, nearly_all) = latencies.p50_p99().unwrap_or_default();
            p50[side].push(micros(half_of_all));
            p99[side].push(micros(nearly_all));
        }
    }
    tell("publish to delivery over Redis, p50, µs", &p50[0], &p50[1]);
    tell("the same, p99, µs", &p99[0], &p99[1]);
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// From one node to another.
async fn by_broker(url: &str, pace: Pace) -> Result<Latencies> {
    let config = BrokerConfig { url: url.to_owned(), ..BrokerConfig::default() };
    let (a, b) = (open(&config).await?, open(&config).await?);
    let topic = Topic::new("load:/", "latency");
    let (come, comes) = unbounded_channel();
    let _held = b.subscribe(&topic, Arc::new(Passes(come.clone())), SubscribeOptions::default()).await?;
    let publish = move |payload| {
        let (a, topic) = (a.clone(), topic.clone());
        async move { a.publish(&topic, Kind::Text, payload).await.map(drop).map_err(|error| error.to_string()) }
    };
    send(pace, publish, come, comes).await
}

async fn by_redis(url: &str, pace: Pace) -> Result<Latencies> {
    let client = Client::open(format!("{url}?protocol=resp3"))?;
    let (come, comes) = unbounded_channel();
    let heard = come.clone();
    let pushes = AsyncConnectionConfig::new().set_push_sender(move |push: PushInfo| {
        match (push.kind, push.data.into_iter().nth(1)) {
            (PushKind::SMessage, Some(Value::BulkString(payload))) => heard.send(Ok(payload.into())),
            _ => Ok(()),
        }
    });
    let mut subscribed = client.get_multiplexed_async_connection_with_config(&pushes).await?;
    cmd("SSUBSCRIBE").arg("latency").exec_async(&mut subscribed).await?;
    let publishes = client.get_multiplexed_async_connection().await?;
    let publish = move |payload: Bytes| {
        let mut publishes = publishes.clone();
        async move {
            let mut publish = cmd("SPUBLISH");
            publish.arg("latency").arg(&payload[..]);
            publish.exec_async(&mut publishes).await.map_err(|error| error.to_string())
        }
    };
    send(pace, publish, come, comes).await
}

/// Sends at an even pace, each message in a task of its own, as connections do; and takes the time until each has come.
async fn send<F>(
    pace: Pace,
    publish: impl Fn(Bytes) -> F + Send + 'static,
    failed: UnboundedSender<Come>,
    mut comes: UnboundedReceiver<Come>,
) -> Result<Latencies>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let begun = Instant::now();
    let sends = tokio::spawn(async move {
        let mut ticks = interval(pace.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..pace.messages {
            ticks.tick().await;
            // When it was sent, in µs since the beginning.
            let payload = format!("{:0MESSAGE_BYTES$}", begun.elapsed().as_micros());
            let (publishing, failed) = (publish(payload.into()), failed.clone());
            tokio::spawn(async move {
                if let Err(why) = publishing.await {
                    let _ = failed.send(Err(why));
                }
            });
        }
    });
    let mut latencies = Latencies::default();
    for _ in 0..pace.messages {
        let come = timeout(DELIVERY_DEADLINE, comes.recv()).await;
        let payload = come.map_err(|_| format!("a message did not come within {DELIVERY_DEADLINE:?}"))?;
        let payload = payload.ok_or("the subscription has ended")??;
        let sent = Duration::from_micros(str::from_utf8(&payload)?.parse()?);
        latencies.push(begun.elapsed().saturating_sub(sent));
    }
    sends.await?;
    Ok(latencies)
}

struct Passes(UnboundedSender<Come>);

impl Subscriber for Passes {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        let _ = self.0.send(Ok(publication.payload.clone()));
    }

    fn gap(&self, _: &Topic, _: &Position) {
        let _ = self.0.send(Err("messages were lost".to_owned()));
    }
}

async fn open(config: &BrokerConfig) -> Result<Broker> {
    Ok(Broker::open(config, BrokerMetrics::new(&Registry::new())).await?)
}

// In memory.

/// What nothing that tells each subscriber can go below.
trait Told: Send + Sync {
    fn told(&self, frame: &Bytes);
}

/// Counts the bytes of what it is told.
#[derive(Default)]
struct Counts(AtomicU64);

impl Told for Counts {
    fn told(&self, frame: &Bytes) {
        self.0.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }
}

impl Subscriber for Counts {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}

    fn deliver(&self, publication: &Arc<Publication>) {
        self.told(publication.frame(0, |publication| publication.payload.clone()));
    }

    fn gap(&self, _: &Topic, _: &Position) {}
}

async fn in_memory(options: &Options, rounds: u32, subscribers: u32) -> Result<()> {
    let messages = (DELIVERIES / subscribers).clamp(1, FANOUT_MESSAGES_MAX);
    let messages = if options.quick { messages.div_ceil(100) } else { messages };
    let broker = open(&BrokerConfig::default()).await?;
    let topic = Topic::new("load:/", "fan-out");
    let counts = Arc::new(Counts::default());
    let mut held = Vec::new();
    for _ in 0..subscribers {
        held.push(broker.subscribe(&topic, counts.clone(), SubscribeOptions::default()).await?);
    }
    let everybody: Vec<Arc<dyn Told>> = (0..subscribers).map(|_| counts.clone() as Arc<dyn Told>).collect();
    let payload = Bytes::from_static(&[b'x'; MESSAGE_BYTES]);
    let (mut by_broker, mut by_loop) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begun = Instant::now();
        for _ in 0..messages {
            broker.publish(&topic, Kind::Text, payload.clone()).await?;
        }
        by_broker.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(messages));
        let begun = Instant::now();
        for _ in 0..messages {
            let frame = black_box(payload.clone());
            for one in black_box(&everybody) {
                one.told(&frame);
            }
        }
        by_loop.push(begun.elapsed().as_secs_f64() * 1e9 / f64::from(messages));
    }
    let bytes = 2 * u64::from(rounds) * u64::from(messages) * u64::from(subscribers) * MESSAGE_BYTES as u64;
    if counts.0.load(Ordering::Relaxed) != bytes {
        return Err(format!("not all of {subscribers} subscribers were told everything").into());
    }
    tell(&format!("fan-out in memory to {subscribers}, ns per message"), &by_broker, &by_loop);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_cannot_go_ends_the_run() {
        let (come, comes) = unbounded_channel();
        let pace = Pace { messages: 2, every: Duration::from_millis(1) };
        let refuse = |_| async { Err("refused".to_owned()) };
        let error = send(pace, refuse, come, comes).await.err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("refused"));
    }

    #[test]
    fn limits() {
        let parse =
            |arguments: &[&str]| Options::try_parse_from(["polysocket-load-broker"].iter().chain(arguments));
        assert_eq!(parse(&[]).expect("defaults").subscribers, [1, 10, 1000, 10_000]);
        for wrong in [["--rounds", "0"], ["--per-second", "0"], ["--seconds", "601"], ["--subscribers", "0"]]
        {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }
}
