//! Subscribers of one server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::subject::Subject;
use crate::error::{Error, Result, doing, within};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Connections that are made at the same time.
const CONNECTS_MAX: usize = 64;
pub const MESSAGE_BYTES: usize = 64;
/// tungstenite takes its buffers at once.
const READ_BUFFER_BYTES: usize = 1024;

pub type Socket = WebSocketStream<TcpStream>;

/// The text of a broadcast, of 64 bytes, which no other has.
pub fn message(number: u64) -> String {
    format!("{number:0MESSAGE_BYTES$}")
}

/// Connects and says what the subject wants to hear first.
pub async fn subscribe(subject: Subject, address: SocketAddr) -> Result<Socket> {
    within(CONNECT_DEADLINE, "a subscriber's connection", async {
        let stream = TcpStream::connect(address).await.map_err(doing("connect to the subject"))?;
        stream.set_nodelay(true).map_err(doing("set TCP_NODELAY"))?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let connected =
            tokio_tungstenite::client_async_with_config(subject.url(address), stream, Some(config)).await;
        let (mut socket, _) = connected.map_err(broken)?;
        for (begins, answer) in subject.greeting() {
            let said = text(&mut socket).await?;
            if !said.starts_with(begins) {
                return Err(Error::Answer(format!("{} began with {said}", subject.name())));
            }
            if !answer.is_empty() {
                socket.send((*answer).into()).await.map_err(broken)?;
            }
        }
        Ok(socket)
    })
    .await
}

/// The next message that is text.
async fn text(socket: &mut Socket) -> Result<String> {
    loop {
        match socket.next().await.transpose().map_err(broken)? {
            Some(Message::Text(text)) => return Ok(text.as_str().to_owned()),
            Some(Message::Ping(_) | Message::Pong(_)) => {}
            other => return Err(Error::Answer(format!("a subscriber was told {other:?}"))),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: WsError) -> Error {
    Error::Answer(format!("a subscriber's connection: {error}"))
}

/// Many who are told the same, and check it.
pub struct Crowd {
    size: usize,
    heard: Arc<Heard>,
    members: JoinSet<Result<()>>,
}

/// What the whole crowd has been told.
struct Heard {
    /// How many of it have the current broadcast.
    have_it: AtomicUsize,
    /// How many are there.
    there: AtomicUsize,
    broadcasts: AtomicU64,
    all: Notify,
}

impl Crowd {
    /// Connects `size` subscribers.
    pub async fn gather(subject: Subject, address: SocketAddr, size: usize) -> Result<Self> {
        let heard = Arc::new(Heard {
            have_it: AtomicUsize::new(0),
            there: AtomicUsize::new(0),
            broadcasts: AtomicU64::new(0),
            all: Notify::new(),
        });
        let connects = Arc::new(Semaphore::new(CONNECTS_MAX));
        let mut members = JoinSet::new();
        for _ in 0..size {
            let (heard, connects) = (heard.clone(), connects.clone());
            members.spawn(async move {
                let permit = connects.acquire_owned().await.expect("nobody closes the semaphore");
                let socket = subscribe(subject, address).await?;
                drop(permit);
                if heard.there.fetch_add(1, Ordering::Relaxed) + 1 == size {
                    heard.all.notify_one();
                }
                listen(subject, socket, &heard, size).await
            });
        }
        let mut crowd = Self { size, heard, members };
        crowd.until_all().await?;
        Ok(crowd)
    }

    /// Until every one of it has what is being waited for: its place, or the current broadcast.
    async fn until_all(&mut self) -> Result<()> {
        tokio::select! {
            () = self.heard.all.notified() => Ok(()),
            Some(ended) = self.members.join_next() => Err(why(ended)),
        }
    }

    /// Has `publisher`, which is told as well, say the next message, and waits until all have been told.
    pub async fn tell(&mut self, subject: Subject, publisher: &mut Socket) -> Result<()> {
        let number = self.heard.broadcasts.load(Ordering::Relaxed);
        let said = subject.said(&message(number));
        publisher.send(said.as_str().into()).await.map_err(broken)?;
        if text(publisher).await? != said {
            return Err(Error::Answer("the publisher was told something else".into()));
        }
        self.until_all().await
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Fails when one has gone.
    pub fn check(&mut self) -> Result<()> {
        self.members.try_join_next().map_or(Ok(()), |ended| Err(why(ended)))
    }
}

/// A member ends only by an error.
fn why(ended: Result<Result<()>, tokio::task::JoinError>) -> Error {
    match ended {
        Ok(Ok(())) => Error::Answer("a subscriber's connection ended".into()),
        Ok(Err(error)) => error,
        Err(error) => Error::Setup(format!("a subscriber of the generator panicked: {error}")),
    }
}

async fn listen(subject: Subject, mut socket: Socket, heard: &Heard, size: usize) -> Result<()> {
    for number in 0_u64.. {
        let told = text(&mut socket).await?;
        if told != subject.said(&message(number)) {
            return Err(Error::Answer(format!("a subscriber was told {told} as number {number}")));
        }
        if heard.have_it.fetch_add(1, Ordering::Relaxed) + 1 == size {
            heard.have_it.store(0, Ordering::Relaxed);
            heard.broadcasts.fetch_add(1, Ordering::Relaxed);
            heard.all.notify_one();
        }
    }
    Ok(())
}
