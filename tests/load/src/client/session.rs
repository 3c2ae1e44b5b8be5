//! One page: a dialect over a connection that polls and one that sends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Connection;
use crate::dialect::{Closing, Dialect, Inbox};
use crate::error::{Error, Result, within};

/// One round trip, create or close: a hundred times what the slowest subject
/// takes when 64 sessions queue for its core.
pub const TRIP_DEADLINE: Duration = Duration::from_secs(10);
/// Polls in one exchange: a 64 KiB message may come in a handful.
const POLLS_PER_EXCHANGE_MAX: u32 = 64;
/// Source addresses in turn, 127.0.0.2 and up.
const SOURCES: u64 = 16;

/// Where the sessions of a run connect to, and from.
pub struct Place {
    pub subject: SocketAddr,
    opened: AtomicU64,
}

impl Place {
    pub fn new(subject: SocketAddr) -> Self {
        Self { subject, opened: AtomicU64::new(0) }
    }

    async fn connect(&self) -> Result<Connection> {
        let turn = self.opened.fetch_add(1, Ordering::Relaxed) % SOURCES;
        let last = 2 + u8::try_from(turn).expect("turn is below SOURCES");
        Connection::open(self.subject, Ipv4Addr::new(127, 0, 0, last)).await
    }
}

pub struct Session {
    place: Arc<Place>,
    dialect: Box<dyn Dialect>,
    receive: Connection,
    /// Opened at the first send, so that an idle session holds one connection.
    send: Option<Connection>,
    inbox: Inbox,
    poll: Vec<u8>,
    post: Vec<u8>,
}

impl Session {
    /// Connects and creates the session.
    pub async fn create(place: Arc<Place>, mut dialect: Box<dyn Dialect>) -> Result<Self> {
        within(TRIP_DEADLINE, "create", async {
            let mut receive = place.connect().await?;
            let mut request = Vec::new();
            dialect.create(&mut request);
            receive.write(&request).await?;
            dialect.created(receive.read().await?)?;
            let inbox = Inbox::default();
            Ok(Self { place, dialect, receive, send: None, inbox, poll: request, post: Vec::new() })
        })
        .await
    }

    /// Sends `message` with a poll parked, and waits until it came back unchanged.
    pub async fn echo(&mut self, message: &str) -> Result<()> {
        self.post.clear();
        self.dialect.send(message, &mut self.post);
        within(TRIP_DEADLINE, "an echo", self.exchange(|inbox| inbox.message().is_some())).await?;
        if self.inbox.message() == Some(self.dialect.echo_of(message)) {
            Ok(())
        } else {
            Err(Error::Answer(format!(
                "{message:.80} came back as {:.80}",
                self.inbox.message().unwrap_or_default()
            )))
        }
    }

    /// Ends the session as a page does, and its connections with it.
    pub async fn close(mut self) -> Result<()> {
        self.post.clear();
        match self.dialect.close(&mut self.post) {
            Closing::Said => within(TRIP_DEADLINE, "a close", self.exchange(Inbox::closed)).await,
            Closing::HangUp => within(TRIP_DEADLINE, "to write a poll", self.write_poll()).await,
        }
    }

    /// Keeps a poll parked for ever; `parked` is told of the first.
    pub async fn idle(&mut self, parked: impl FnOnce()) -> Result<std::convert::Infallible> {
        let mut parked = Some(parked);
        loop {
            self.inbox.clear();
            self.write_poll().await?;
            if let Some(parked) = parked.take() {
                parked();
            }
            self.dialect.polled(self.receive.read().await?, &mut self.inbox)?;
            if self.inbox.message().is_some() {
                return Err(Error::Answer("a message for a session that sent none".into()));
            }
        }
    }

    /// Writes the poll and the request in `post`, then reads both answers, and
    /// polls on until `settled`. Reading in turn costs no more than reading at
    /// the same time: the other answer waits in its socket meanwhile.
    async fn exchange(&mut self, settled: impl Fn(&Inbox) -> bool) -> Result<()> {
        self.inbox.clear();
        self.write_poll().await?;
        let send = match &mut self.send {
            Some(send) => send,
            none => none.insert(self.place.connect().await?),
        };
        send.write(&self.post).await?;
        self.dialect.sent(send.read().await?)?;
        for _ in 0..POLLS_PER_EXCHANGE_MAX {
            self.dialect.polled(self.receive.read().await?, &mut self.inbox)?;
            if settled(&self.inbox) {
                return Ok(());
            }
            self.write_poll().await?;
        }
        Err(Error::Answer(format!("{POLLS_PER_EXCHANGE_MAX} polls did not bring what was due")))
    }

    async fn write_poll(&mut self) -> Result<()> {
        self.poll.clear();
        self.dialect.poll(&mut self.poll);
        self.receive.write(&self.poll).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::dialect::SockJs;

    const OPEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no\n";
    const SENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    /// A session of a server whose polls bring `polled`; each request comes in one read.
    async fn session_that_polls(polled: &str) -> Session {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let place = Arc::new(Place::new(listener.local_addr().unwrap()));
        let polled = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{polled}", polled.len());
        tokio::spawn(async move {
            let mut opened = false;
            while let Ok((mut stream, _)) = listener.accept().await {
                let polled = polled.clone();
                let mut due = if std::mem::replace(&mut opened, true) { None } else { Some(OPEN) };
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while let Ok(1..) = stream.read(&mut request).await {
                        let sends = request.windows(9).any(|part| part == b"/xhr_send");
                        let answer = if sends { SENT } else { due.take().unwrap_or(&polled) };
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Session::create(place, Box::new(SockJs::new("h".into(), 1))).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_text_is_an_echo() {
        let mut session = session_that_polls("a[\"one\"]\n").await;
        session.echo("one").await.unwrap();
        session.echo("one").await.unwrap();
        session.close().await.unwrap();
    }

    #[tokio::test]
    async fn another_text_is_an_error() {
        let error = session_that_polls("a[\"one\"]\n").await.echo("two").await.unwrap_err().to_string();
        assert!(error.contains("two came back as one"), "{error}");
    }

    #[tokio::test]
    async fn polls_that_bring_nothing_end() {
        let error = session_that_polls("h\n").await.echo("one").await.unwrap_err().to_string();
        assert!(error.contains("64 polls"), "{error}");
    }

    #[tokio::test]
    async fn an_idle_session_that_hears_a_message_is_an_error() {
        let mut parked = false;
        let error = session_that_polls("a[\"one\"]\n").await.idle(|| parked = true).await.unwrap_err();
        assert!(parked && error.to_string().contains("sent none"), "{error}");
    }
}
