//! The PostgreSQL bridge against the database itself and against the hub's broker, in one run and one process.
//!
//! `polysocket-load-postgres URL` with a server that has nothing else to do:
//! - the rate of WebSocket → NOTIFY → WebSocket against one `select pg_notify` per message on one connection,
//! - one message at a time against NOTIFY → LISTEN between two clients of the database,
//! - a notification to 1,000 sockets against the broker's fan-out to as many,
//! - connections to the database at 10 and at 5,000 sockets.

mod bridge;
mod database;
mod fan;
mod latency;
mod rate;

use std::process::ExitCode;
use std::time::Duration;

use polysocket_load::smallest::Smallest;
use polysocket_load::stats::{Latencies, paired_ratio};
use polysocket_service::Lifecycle;

use bridge::path;
use database::connect;
use fan::Fan;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Of each comparison.
const ROUNDS: usize = 5;
/// Sockets of the fan-out, and those at which connections to the database are counted.
const FANOUT: usize = 1_000;
const FEW: usize = 10;
const MANY: usize = 5_000;
const TEXT: &str =
    "a message of a chat, as long as most of them are: some hundred characters, with a name and a time.";

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

async fn run(url: &str) -> Result<()> {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let address = bridge::start(url).await?;
    rates(url, &address).await?;
    latencies(url, &address).await?;
    fanouts(url, &address).await
}

async fn rates(url: &str, address: &str) -> Result<()> {
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let (theirs, bridged) = (rate::of_database(url).await?, rate::of_bridge(address).await?);
        println!("rate {round}: plain {theirs:.0}/s, bridge {bridged:.0}/s, {:.1} times", bridged / theirs);
        plain.push(theirs);
        ours.push(bridged);
    }
    tell("rate", &ours, &plain);
    Ok(())
}

async fn latencies(url: &str, address: &str) -> Result<()> {
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let theirs = quantiles(latency::of_database(url).await?);
        let bridged = quantiles(latency::of_bridge(address).await?);
        println!(
            "latency {round}: plain p50 {:?} p99 {:?}, bridge p50 {:?} p99 {:?}",
            theirs.0, theirs.1, bridged.0, bridged.1
        );
        plain.push(theirs.1.as_secs_f64());
        ours.push(bridged.1.as_secs_f64());
    }
    tell("latency, p99", &ours, &plain);
    Ok(())
}

/// And how many connections to the database there are meanwhile.
async fn fanouts(url: &str, address: &str) -> Result<()> {
    let (notifier, _) = connect(url, None).await?;
    let connections = async |sockets: usize| -> Result<()> {
        let asked = "select count(*) from pg_stat_activity where application_name like 'polysocket %'";
        let count: i64 = notifier.query_one(asked, &[]).await?.get(0);
        println!("connections to the database at {sockets} sockets: {count}");
        Ok(())
    };
    let path = path("fan", "r", "all");
    let few = Fan::open(address, &path, FEW).await?;
    connections(FEW).await?;
    drop(few);
    let broker = Smallest::serve("127.0.0.1:0", Lifecycle::new()).await?;
    let bridged = Fan::open(address, &path, FANOUT).await?;
    let beside = Fan::open(&broker.address.to_string(), "/", FANOUT).await?;
    let (mut of_broker, mut of_bridge) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let theirs = quantiles(beside.tell(async |text| broker.publish(text).await).await?);
        let notify = async |text: String| {
            notifier.execute("select pg_notify('all', $1)", &[&text]).await?;
            Ok(())
        };
        let ours = quantiles(bridged.tell(notify).await?);
        println!(
            "fan-out to {FANOUT} {round}: broker p50 {:?} p99 {:?}, notification p50 {:?} p99 {:?}",
            theirs.0, theirs.1, ours.0, ours.1
        );
        of_broker.push(theirs.0.as_secs_f64());
        of_bridge.push(ours.0.as_secs_f64());
    }
    tell("fan-out, p50", &of_bridge, &of_broker);
    drop(beside);
    let more = Fan::open(address, &path, MANY - FANOUT).await?;
    connections(MANY).await?;
    drop((bridged, more));
    Ok(())
}

/// The bridge against what is beside it, in all rounds.
fn tell(what: &str, ours: &[f64], beside: &[f64]) {
    println!("{what}: {:.2} times (median of the rounds)", paired_ratio(ours, beside).unwrap_or_default());
}

/// p50 and p99.
fn quantiles(latencies: Latencies) -> (Duration, Duration) {
    latencies.p50_p99().unwrap_or_default()
}
