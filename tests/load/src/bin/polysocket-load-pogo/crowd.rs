//! Many who are told the same, in a process of their own: they make each change, too, so that one clock times it.

use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use polysocket_tests::ask::try_ask;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Result;
use crate::api::document;

/// What backends push with.
pub const PUSH_TOKEN: &str = "a token of this measurement alone";
/// What a crowd says when all of it is there.
pub const READY: &str = "ready";
const PATH: &str = "/posts/1";
/// Connections that are made at the same time, and for how long each may take.
const CONNECTS_MAX: usize = 64;
const CONNECTED: Duration = Duration::from_secs(10);
/// tungstenite takes its buffers at once.
const READ_BUFFER_BYTES: usize = 1024;

type Socket = WebSocketStream<TcpStream>;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// Binders of Pogo.
    Pogo,
    /// Subscribers of `polysocket-load-hub`.
    Hub,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pogo => "pogo",
            Self::Hub => "hub",
        }
    }
}

#[derive(Debug, Args)]
pub struct Crowd {
    kind: Kind,
    server: SocketAddr,
    /// The API behind Pogo
    api: SocketAddr,
    size: usize,
}

/// What a binder of Pogo is told, and what the hub is given to tell.
fn state(number: u64) -> String {
    format!(r#"{{"event":"response","path":"{PATH}","data":{}}}"#, document(number))
}

/// Connects, and changes something whenever there is a line on stdin.
pub async fn run(crowd: &Crowd) -> Result<()> {
    let connects = stream::iter((0..crowd.size).map(|_| connect(crowd)));
    let sockets: Vec<Socket> = connects.buffer_unordered(CONNECTS_MAX).try_collect().await?;
    let mut publisher = match crowd.kind {
        Kind::Pogo => None,
        Kind::Hub => Some(connect(crowd).await?),
    };
    let heard = Arc::new(Heard { size: crowd.size, round: Mutex::new(Round::begin()), all: Notify::new() });
    let mut members = JoinSet::new();
    for socket in sockets {
        members.spawn(listen(socket, heard.clone()));
    }
    println!("{READY}");
    for number in 1.. {
        let asked = tokio::task::block_in_place(|| std::io::stdin().lock().lines().next()).transpose()?;
        if asked.is_none() {
            return Ok(());
        }
        *heard.round() = Round::begin();
        match &mut publisher {
            None => change(crowd, number).await?,
            Some(publisher) => publisher.send(Message::text(state(number))).await?,
        }
        tokio::select! {
            () = heard.all.notified() => {}
            // They end by errors only.
            Some(ended) = members.join_next() => return ended?,
        }
        if let Some(publisher) = &mut publisher {
            expect(publisher, &state(number)).await?;
        }
        let (middle, last) = heard.round().times();
        println!("{middle:.3} {last:.3}");
    }
    Ok(())
}

/// As a backend makes it: first what it stores, then that it has changed.
async fn change(crowd: &Crowd, number: u64) -> Result<()> {
    let stored = try_ask(crowd.api, "PUT", PATH, &[], number.to_string().as_bytes()).await?;
    let bearer = format!("Bearer {PUSH_TOKEN}");
    let pushed = try_ask(crowd.server, "PUT", PATH, &[("Authorization", &bearer)], b"").await?;
    match (stored.status(), pushed.status()) {
        (200, 204) => Ok(()),
        (stored, pushed) => Err(format!("the API answered {stored} to a change, Pogo {pushed}").into()),
    }
}

async fn connect(crowd: &Crowd) -> Result<Socket> {
    let connecting = async {
        let stream = TcpStream::connect(crowd.server).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let (mut socket, _) =
            client_async_with_config(format!("ws://{}/", crowd.server), stream, Some(config)).await?;
        if matches!(crowd.kind, Kind::Pogo) {
            socket.send(Message::text(format!(r#"{{"seqId":1,"event":"bind","path":"{PATH}"}}"#))).await?;
            expect(&mut socket, r#"{"seqId":1,"status":"ok"}"#).await?;
            expect(&mut socket, &state(0)).await?;
        }
        Ok(socket)
    };
    tokio::time::timeout(CONNECTED, connecting).await.map_err(|_| "a connection was not made in time")?
}

/// The next message, which is this.
async fn expect(socket: &mut Socket, text: &str) -> Result<()> {
    loop {
        match socket.next().await.transpose()? {
            Some(Message::Ping(_) | Message::Pong(_)) => {}
            Some(Message::Text(told)) if told.as_str() == text => return Ok(()),
            other => return Err(format!("told {other:?}, and not {text}").into()),
        }
    }
}

async fn listen(mut socket: Socket, heard: Arc<Heard>) -> Result<()> {
    for number in 1.. {
        expect(&mut socket, &state(number)).await?;
        let mut round = heard.round();
        let time = round.begun.elapsed();
        round.times.push(time);
        if round.times.len() == heard.size {
            heard.all.notify_one();
        }
    }
    Ok(())
}

/// What the crowd has heard of the current change.
struct Heard {
    size: usize,
    round: Mutex<Round>,
    all: Notify,
}

impl Heard {
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Round {
    begun: Instant,
    times: Vec<Duration>,
}

impl Round {
    fn begin() -> Self {
        Self { begun: Instant::now(), times: Vec::new() }
    }

    /// The one in the middle and the last, ms.
    fn times(&mut self) -> (f64, f64) {
        self.times.sort_unstable();
        let at = |index: usize| self.times.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3;
        (at(self.times.len() / 2), at(self.times.len().saturating_sub(1)))
    }
}
