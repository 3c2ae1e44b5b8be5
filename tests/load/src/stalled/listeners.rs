//! Listeners of one channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::hub::Hub;
use crate::error::{Error, Result, doing, within};
use polysocket_load::stats::Latencies;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Connections that are made at the same time.
const CONNECTS_MAX: usize = 64;
/// One read for a message.
const READ_BUFFER_BYTES: usize = 32 * 1024;
/// What the one who stops still takes by its kernel (doubled there, socket(7)).
const STALLED_BUFFER_BYTES: u32 = 16 * 1024;

type Socket = WebSocketStream<TcpStream>;

/// When each message was said, in ns since the beginning.
pub struct Clock {
    since: Instant,
    said: Vec<AtomicU64>,
}

impl Clock {
    pub fn new(messages: usize) -> Arc<Self> {
        Arc::new(Self { since: Instant::now(), said: (0..messages).map(|_| AtomicU64::new(0)).collect() })
    }

    /// Message `number` is said now.
    pub fn says(&self, number: usize) {
        self.said[number].store(self.nanos(), Ordering::Relaxed);
    }

    fn age(&self, number: usize) -> Duration {
        Duration::from_nanos(self.nanos().saturating_sub(self.said[number].load(Ordering::Relaxed)))
    }

    /// 584 years of it fit.
    fn nanos(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A text of so many bytes that begins with its number.
pub fn message(number: usize, bytes: usize) -> String {
    let mut text = number.to_string();
    text.extend(std::iter::repeat_n(' ', bytes.saturating_sub(text.len())));
    text
}

/// Those who read until the last message; each gives its latencies from number `from` on.
pub struct Listeners(JoinSet<Result<Latencies>>);

impl Listeners {
    pub async fn gather(hub: &Hub, count: usize, clock: &Arc<Clock>, from: usize) -> Result<Self> {
        let connects = stream::iter((0..count).map(|_| connect(hub, None)));
        let sockets: Vec<Socket> = connects.buffer_unordered(CONNECTS_MAX).try_collect().await?;
        let mut tasks = JoinSet::new();
        for socket in sockets {
            tasks.spawn(listen(socket, clock.clone(), from));
        }
        Ok(Self(tasks))
    }

    /// When all have heard the last message; an error as soon as one has failed.
    pub async fn finish(mut self) -> Result<Latencies> {
        let mut all = Latencies::default();
        while let Some(ended) = self.0.join_next().await {
            all.append(ended.map_err(|error| Error::Setup(format!("a listener panicked: {error}")))??);
        }
        Ok(all)
    }
}

async fn connect(hub: &Hub, receive_buffer: Option<u32>) -> Result<Socket> {
    within(CONNECT_DEADLINE, "a listener's connection", async {
        let socket = TcpSocket::new_v4().map_err(doing("open a socket"))?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(doing("set SO_RCVBUF"))?;
        }
        let stream = socket.connect(hub.process.address).await.map_err(doing("connect to the subject"))?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let url = format!("ws://{}{}", hub.process.address, hub.subscribe_path);
        let connected = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
        let (socket, _) = connected.map_err(|error| Error::Answer(format!("a listener: {error}")))?;
        Ok(socket)
    })
    .await
}

async fn listen(mut socket: Socket, clock: Arc<Clock>, from: usize) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for number in 0..clock.said.len() {
        let text = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Err(Error::Answer(format!("a listener that reads was told {other:?}"))),
            }
        };
        if text.trim_end().parse() != Ok(number) {
            let begun: String = text.chars().take(20).collect();
            return Err(Error::Answer(format!("a listener was told {begun:?} as number {number}")));
        }
        if number >= from {
            latencies.push(clock.age(number));
        }
    }
    Ok(latencies)
}

/// The one who stops reading when it is told to, and reads what is left when it is told to again.
pub struct Staller {
    stop: oneshot::Sender<()>,
    resume: oneshot::Sender<()>,
    end: JoinHandle<Result<(u16, String), String>>,
}

impl Staller {
    pub async fn connect(hub: &Hub) -> Result<Self> {
        let mut socket = connect(hub, Some(STALLED_BUFFER_BYTES)).await?;
        let ((stop, mut stopped), (resume, resumed)) = (oneshot::channel(), oneshot::channel());
        let end = tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    next = socket.next() => match next {
                        Some(Ok(_)) => {}
                        other => return Err(format!("it was told {other:?} while it read")),
                    },
                }
            }
            // Whoever drops the sender has given up.
            let _ = resumed.await;
            loop {
                match socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Ok((frame.code.into(), frame.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    other => return Err(format!("its connection ended with {other:?}")),
                }
            }
        });
        Ok(Self { stop, resume, end })
    }

    /// From now on it reads nothing. What is given tells it to go on.
    pub fn stall(self) -> Stalling {
        // It is there as long as it reads.
        let _ = self.stop.send(());
        Stalling { resume: self.resume, end: self.end }
    }
}

/// One who does not read.
pub struct Stalling {
    resume: oneshot::Sender<()>,
    end: JoinHandle<Result<(u16, String), String>>,
}

impl Stalling {
    /// Reads what was kept for it: code and reason of the close frame behind that.
    pub async fn end(self) -> Result<(u16, String)> {
        let _ = self.resume.send(());
        let end = within(CONNECT_DEADLINE, "the end of the one who stalled", async {
            self.end.await.map_err(|error| Error::Setup(format!("the one who stalls panicked: {error}")))
        });
        end.await?
            .map_err(|why| Error::Answer(format!("the one who stalled was not told why it is closed: {why}")))
    }
}
