//! Pogo with very many binders of one path: how often the API behind is asked, and how long after a change the last binder
//! has it; beside the hub's broker, which tells as many the same text.
//!
//! Pogo and the API are in this process, `polysocket-load-hub` is in one of its own, and so is each of the two crowds
//! (`crowd`): no process needs more than one file for each connection.

mod api;
mod crowd;
#[allow(dead_code, reason = "it is shared with programs that need more of it")]
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics};
use polysocket_config::Span;
use polysocket_load::stats::{Latencies, median, paired_ratio, range};
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_pogo::{Parts, Pogo, PogoConfig, PogoMetrics};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_service::metrics::Registry;
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::ports::free_port;
use polysocket_tests::process::Process;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use api::Api;
use crowd::{Crowd, Kind, PUSH_TOKEN};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const BINDERS: u32 = 10_000;
const BINDERS_QUICK: u32 = 500;
const CHANGES: u32 = 20;
/// Changes before the first that is measured, so that what grows has grown.
const WARM_UP: u32 = 2;
/// For so long polls are counted, which the API wants every second.
const POLLS: Duration = Duration::from_secs(10);
const POLLS_QUICK: Duration = Duration::from_secs(3);
/// Longer than a run: there are no polls then.
const NO_POLLS: Duration = Duration::from_secs(300);
/// For a whole crowd to connect, and for each change to reach it.
const GATHERED: Duration = Duration::from_secs(120);
const TOLD: Duration = Duration::from_secs(30);
/// Open files besides those of connections.
const SPARE_FILES: u64 = 200;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures Pogo's fan-out of a resource beside the broker's of a message.
#[derive(Debug, Parser)]
struct Options {
    /// Binders of the path, and subscribers of the broker (10000; 500 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    binders: Option<u32>,
    /// Changes, each of Pogo's resource and of the broker's topic
    #[arg(long, default_value_t = CHANGES, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    changes: u32,
    /// Prove that everything works, in seconds; the figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The hub's program; it is given the address to listen on [default: polysocket-load-hub beside this program]
    #[arg(long, value_name = "PATH")]
    hub: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be a crowd, which is told on stdin when to change something, and says on stdout when it has heard of it
    #[command(hide = true)]
    Crowd(Crowd),
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.role {
        Some(Role::Crowd(crowd)) => crowd::run(crowd).await,
        None => run(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polysocket-load-pogo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let binders = options.binders.unwrap_or(if options.quick { BINDERS_QUICK } else { BINDERS });
    raise_open_files(binders)?;
    let life = Lifecycle::new();
    let api = Api::start(&life)?;
    let pogo = start_pogo(&api, &life).await?;
    let (_hub, hub) = start_hub(options).await?;
    let mut binding = Member::start(Kind::Pogo, pogo, api.address, binders).await?;
    let mut beside = Member::start(Kind::Hub, hub, api.address, binders).await?;

    let window = if options.quick { POLLS_QUICK } else { POLLS };
    let polls = count_polls(&api, window).await?;
    println!("{binders} binders of one path, {} s of polls every second: {polls} requests", window.as_secs());

    for _ in 0..WARM_UP {
        binding.change().await?;
        beside.change().await?;
    }
    let before = api.reads();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..options.changes {
        // In turn, so that what changes steadily concerns both alike.
        if number % 2 == 0 {
            ours.push(binding.change().await?);
            theirs.push(beside.change().await?);
        } else {
            theirs.push(beside.change().await?);
            ours.push(binding.change().await?);
        }
    }
    let reads = api.reads() - before;
    println!("{} changes: {reads} requests\n", options.changes);
    if reads != u64::from(options.changes) {
        return Err(format!("the API was asked {reads} times for {} changes", options.changes).into());
    }
    println!(
        "| figure | Pogo | range | broker | range | ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    );
    let middles = |heard: &[Heard]| heard.iter().map(|heard| heard.middle).collect::<Vec<_>>();
    let lasts = |heard: &[Heard]| heard.iter().map(|heard| heard.last).collect::<Vec<_>>();
    tell("change to the binder in the middle, p50, ms", &middles(&ours), &middles(&theirs));
    tell("change to the last binder, p50, ms", &lasts(&ours), &lasts(&theirs));
    let nearly_all = |values: &[f64]| -> Option<f64> {
        let mut latencies = Latencies::default();
        for value in values {
            latencies.push(Duration::from_secs_f64(value / 1e3));
        }
        Some(latencies.p50_p99()?.1.as_secs_f64() * 1e3)
    };
    let (ours, theirs) = (nearly_all(&lasts(&ours)), nearly_all(&lasts(&theirs)));
    let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
    println!("| the same, p99, ms | {ours:.1} | | {theirs:.1} | | {:.2} |", ours / theirs);
    Ok(())
}

fn tell(name: &str, ours: &[f64], theirs: &[f64]) {
    let side = |values: &[f64]| {
        let (low, high) = range(values).unwrap_or_default();
        format!("{:.1} | {low:.1}–{high:.1}", median(values).unwrap_or_default())
    };
    let ratio = paired_ratio(ours, theirs).unwrap_or_default();
    println!("| {name} | {} | {} | {ratio:.2} |", side(ours), side(theirs));
}

/// The soft limit becomes the hard one, also of children.
fn raise_open_files(binders: u32) -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let needed = u64::from(binders) + SPARE_FILES;
    if needed > hard {
        return Err(format!(
            "{needed} open files are needed and the hard limit is {hard}: \
             ask for fewer --binders, or raise it (ulimit -Hn)"
        )
        .into());
    }
    Ok(())
}

/// Requests in a while in which nothing changes. More streams of polls than one are an error.
async fn count_polls(api: &Api, window: Duration) -> Result<u64> {
    let before = api.reads();
    sleep(window).await;
    let polls = api.reads() - before;
    let one = window.as_secs();
    if !(one.saturating_sub(2)..=one + 1).contains(&polls) {
        return Err(format!("{polls} requests in {one} s are not one stream of a poll every second").into());
    }
    api.pause(NO_POLLS);
    // It is learned with the next poll, which is the last.
    let deadline = Instant::now() + TOLD;
    while api.reads() == before + polls {
        if Instant::now() > deadline {
            return Err("the polls have ended by themselves".into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(polls)
}

async fn start_pogo(api: &Api, life: &Lifecycle) -> Result<SocketAddr> {
    let (registry, targets) = (Registry::new(), TargetsConfig::default());
    let config = PogoConfig {
        upstream: Some(format!("http://{}", api.address)),
        push_token: Some(PUSH_TOKEN.to_owned()),
        ..PogoConfig::default()
    };
    let pogo = Pogo::new(Parts {
        config,
        space: "pogo".into(),
        keyring: None,
        body_timeout: TOLD,
        broker: Broker::open(&BrokerConfig::default(), BrokerMetrics::new(&registry)).await?,
        // No heartbeats within a run; the hub beside has none either.
        socket_limits: SocketLimits { ping_every: Span::seconds(300), ..SocketLimits::default() },
        socket_metrics: SocketMetrics::new(&registry),
        dialer: Arc::new(Dialer::new(Policy::new(&targets)?.allow_loopback(), &targets)?),
        life: life.clone(),
        metrics: PogoMetrics::new(&registry),
    })?;
    let bound = bind("127.0.0.1:0", None)?;
    let address = bound.address()?;
    let http = HttpMetrics::new(&registry);
    Server::new(Routes::new(pogo.routes()), HttpConfig::default(), life.clone(), http).serve(bound);
    Ok(address)
}

async fn start_hub(options: &Options) -> Result<(Process, SocketAddr)> {
    let program = match &options.hub {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("polysocket-load-hub"),
    };
    if !program.exists() {
        let program = program.display();
        return Err(format!(
            "there is no {program}: build it (cargo build --release -p polysocket-load), or give --hub PATH"
        )
        .into());
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let mut process = Process::spawn("the hub", Command::new(program).arg(address.to_string()))?;
    let deadline = Instant::now() + TOLD;
    while TcpStream::connect(address).await.is_err() {
        if !process.is_running() {
            return Err(format!("the hub ended before it listened\n{}", process.tail()).into());
        }
        if Instant::now() > deadline {
            return Err(format!("the hub does not listen on {address}").into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok((process, address))
}

/// When a crowd had heard of a change, in ms after it was made.
struct Heard {
    middle: f64,
    last: f64,
}

/// A crowd's process.
struct Member {
    kind: Kind,
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Member {
    async fn start(kind: Kind, server: SocketAddr, api: SocketAddr, size: u32) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("crowd").args([kind.name(), &server.to_string(), &api.to_string(), &size.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let asks = child.stdin.take().ok_or("a crowd has no stdin")?;
        let says = BufReader::new(child.stdout.take().ok_or("a crowd has no stdout")?).lines();
        let mut crowd = Self { kind, asks, says, _child: child };
        match crowd.line(GATHERED).await?.as_str() {
            crowd::READY => Ok(crowd),
            other => Err(format!("the crowd of {} began with {other}", kind.name()).into()),
        }
    }

    async fn line(&mut self, within: Duration) -> Result<String> {
        let line = timeout(within, self.says.next_line()).await;
        let line = line.map_err(|_| format!("the crowd of {} says nothing", self.kind.name()))??;
        line.ok_or_else(|| format!("the crowd of {} has ended", self.kind.name()).into())
    }

    /// Has it change something.
    async fn change(&mut self) -> Result<Heard> {
        self.asks.write_all(b"\n").await?;
        let line = self.line(TOLD).await?;
        let (middle, last) = line.split_once(' ').ok_or("a crowd says two times")?;
        Ok(Heard { middle: middle.parse()?, last: last.parse()? })
    }
}
