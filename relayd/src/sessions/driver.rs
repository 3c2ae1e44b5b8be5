//! One task per session: it dials, carries messages between the session and its upstream, and keeps the time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use polysocket_protocol::{CloseDown, close};
use polysocket_session::{Time, ToUpstream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::Cell;
use crate::metrics::RelayMetrics;
use crate::upstream::{Failure, Opened, Socket};

/// How long the last frame may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// Messages below this are copied, so that a small one that waits for its ack does not keep the buffer it came in.
const COPIED_BELOW: usize = 4096;

/// The dialling of a held target, when it comes to it.
pub(crate) type Dialling = Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>;

/// An upstream as the driver has it.
struct Upstream {
    socket: Socket,
    /// Popped from the session, not yet taken by the socket.
    next: Option<ToUpstream>,
    /// Taken by the socket, not yet reported to the session as written.
    unreported: usize,
    unflushed: bool,
    /// Something came since the last ping.
    heard: bool,
    /// The upstream is not read before: its token spends too fast.
    paused_until: Option<Time>,
}

/// What is done with a session until it is over. `upstream` is open already, or is dialled by `dial` when the page
/// says so. Gives how it ended, if the page was told.
pub(crate) async fn drive(
    cell: Arc<Cell>,
    upstream: Option<Socket>,
    dial: Option<Box<dyn FnOnce() -> Dialling + Send>>,
    ping_every: Duration,
    metrics: RelayMetrics,
) {
    let ping_every = u64::try_from(ping_every.as_millis()).unwrap_or(u64::MAX);
    let mut ping_at = cell.now().plus(ping_every);
    let mut upstream = upstream.map(Upstream::new);
    let mut dial = dial;
    let mut dialling: Option<Dialling> = None;
    let mut leaving: Option<Leaving> = None;
    let timer = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(timer);
    // When it goes off; none when it has.
    let mut armed = None;
    loop {
        let paused = upstream.as_ref().and_then(|upstream| upstream.paused_until);
        let own = if upstream.is_some() { paused.into_iter().chain([ping_at]).min() } else { None };
        let ((over, done, wants_dial), at) = cell.on_time(own, armed, |session| {
            (session.is_over(), session.upstream_is_done(), session.wants_dial())
        });
        if at != armed {
            armed = at;
            if let Some(at) = at {
                timer.as_mut().reset(cell.instant(at));
            }
        }
        if over {
            break;
        }
        if done {
            upstream = None;
            dialling = None;
        } else if wants_dial && dialling.is_none() {
            dialling = dial.take().map(|dial| dial());
        }
        let event = tokio::select! {
            biased;
            how = pump(upstream.as_mut(), &cell, &metrics) => Event::Closed(how),
            opened = wait(dialling.as_mut()) => Event::Dialled(opened),
            () = cell.driver().notified() => Event::Woken,
            () = leave(leaving.as_mut()) => Event::Left,
            () = &mut timer, if armed.is_some() => Event::Timer,
        };
        match event {
            Event::Woken => {}
            Event::Left => leaving = None,
            Event::Dialled(opened) => {
                dialling = None;
                upstream = dialled(&cell, opened);
                ping_at = cell.now().plus(ping_every);
            }
            Event::Closed(how) => {
                cell.with(|session, now| session.upstream_closed(now, how));
                leaving = upstream.take().map(say_farewell);
            }
            Event::Timer => {
                armed = None;
                let now = cell.now();
                if let Some(upstream) = upstream.as_mut().filter(|_| ping_at <= now) {
                    ping_at = now.plus(ping_every);
                    if !upstream.ping(&cell).await {
                        tracing::debug!(connection = cell.facts.connection, "the upstream does not answer pings");
                        cell.with(|session, now| session.upstream_closed(now, CloseDown::abnormal()));
                    }
                }
            }
        }
    }
    if let Some(leaving) = leaving {
        leaving.await;
    }
}

enum Event {
    Woken,
    Left,
    Timer,
    Dialled(Result<Opened, Failure>),
    Closed(CloseDown),
}

async fn wait(dialling: Option<&mut Dialling>) -> Result<Opened, Failure> {
    match dialling {
        Some(dialling) => dialling.await,
        None => std::future::pending().await,
    }
}

fn dialled(cell: &Cell, opened: Result<Opened, Failure>) -> Option<Upstream> {
    match opened {
        Ok(Opened { socket, protocol }) => {
            cell.with(|session, _| session.upstream_open(&protocol, ""));
            Some(Upstream::new(socket))
        }
        Err(Failure { word, detail }) => {
            tracing::info!(connection = cell.facts.connection, word = word.as_str(), %detail, "target not reached");
            cell.with(|session, now| session.upstream_closed(now, CloseDown::failed(word)));
            None
        }
    }
}

/// The last frames of an upstream on their way out. The page need not wait for an upstream that does not read.
type Leaving = Pin<Box<dyn Future<Output = ()> + Send>>;

fn say_farewell(mut upstream: Upstream) -> Leaving {
    Box::pin(async move {
        let _ = timeout(FAREWELL, upstream.socket.close(None)).await;
    })
}

async fn leave(leaving: Option<&mut Leaving>) {
    match leaving {
        Some(leaving) => leaving.await,
        None => std::future::pending().await,
    }
}

/// Carries until the upstream has closed. Cancel-safe.
async fn pump(upstream: Option<&mut Upstream>, cell: &Cell, metrics: &RelayMetrics) -> CloseDown {
    match upstream {
        Some(upstream) => std::future::poll_fn(|cx| upstream.poll_pump(cx, cell, metrics)).await,
        None => std::future::pending().await,
    }
}

impl Upstream {
    fn new(socket: Socket) -> Self {
        Self { socket, next: None, unreported: 0, unflushed: false, heard: true, paused_until: None }
    }

    fn poll_pump(&mut self, cx: &mut Context<'_>, cell: &Cell, metrics: &RelayMetrics) -> Poll<CloseDown> {
        // An error while writing shows while reading, with what the upstream said before it went.
        let _ = self.poll_write(cx, cell, metrics);
        self.poll_read(cx, cell, metrics)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, cell: &Cell, metrics: &RelayMetrics) -> Poll<tungstenite::Result<()>> {
        if self.next.is_none() {
            self.next = cell.with(|session, now| session.next_up(now));
        }
        loop {
            if self.next.is_some() {
                std::task::ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            }
            if let Some(message) = self.next.take() {
                if !matches!(message, ToUpstream::Close(_)) {
                    metrics.up.count(message.size());
                }
                self.unreported += message.size();
                self.unflushed = true;
                Pin::new(&mut self.socket).start_send(to_frame(message))?;
                self.next = cell.with(|session, now| session.next_up(now));
            } else {
                if self.unflushed {
                    std::task::ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
                    self.unflushed = false;
                }
                let written = std::mem::take(&mut self.unreported);
                if written == 0 {
                    return Poll::Ready(Ok(()));
                }
                self.next = cell.with(|session, now| {
                    session.upstream_written(written);
                    session.next_up(now)
                });
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, cell: &Cell, metrics: &RelayMetrics) -> Poll<CloseDown> {
        let mut wanted = cell.with(|session, _| session.wants_upstream());
        while wanted {
            if let Some(until) = self.paused_until {
                if cell.now() < until {
                    return Poll::Pending;
                }
                self.paused_until = None;
            }
            let read = std::task::ready!(Pin::new(&mut self.socket).poll_next(cx));
            self.heard = true;
            let (text, data) = match read {
                Some(Ok(Message::Text(text))) => (true, Bytes::from(text)),
                Some(Ok(Message::Binary(data))) => (false, data),
                Some(Ok(Message::Close(frame))) => return Poll::Ready(closed(frame)),
                Some(Ok(Message::Ping(_))) => {
                    // Its pong is queued; it leaves with the next flush.
                    self.unflushed = true;
                    let _ = self.poll_write(cx, cell, metrics);
                    continue;
                }
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => return Poll::Ready(self.failed(cell, &error)),
                None => return Poll::Ready(CloseDown::abnormal()),
            };
            metrics.down.count(data.len());
            self.pause_for(cell, data.len());
            let data = if data.len() < COPIED_BELOW { Bytes::copy_from_slice(&data) } else { data };
            wanted = cell.with(|session, now| {
                session.upstream_message(now, text, data);
                session.wants_upstream()
            });
        }
        Poll::Pending
    }

    /// Lets the upstream wait while its token has spent too much.
    fn pause_for(&mut self, cell: &Cell, bytes: usize) {
        let delay = cell.facts.budget.as_ref().map_or(Duration::ZERO, |budget| budget.spend(bytes));
        if !delay.is_zero() {
            self.paused_until = Some(cell.now().plus(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)));
            // The driver has to set its timer for it.
            cell.driver().notify_one();
        }
    }

    /// What the page is told of an error, and the upstream with its close frame.
    fn failed(&mut self, cell: &Cell, error: &tungstenite::Error) -> CloseDown {
        tracing::debug!(connection = cell.facts.connection, %error, "the upstream failed");
        let (code, down) = match error {
            tungstenite::Error::Capacity(_) => {
                let reason = "message is over the limit";
                let told = CloseDown { code: close::TOO_BIG, reason: reason.into(), clean: true, failure: None };
                (close::TOO_BIG, told)
            }
            // Browsers tell a page 1006 when its peer breaks the protocol (WHATWG, "fail the connection").
            tungstenite::Error::Utf8(_) => (close::INVALID_TEXT, CloseDown::abnormal()),
            tungstenite::Error::Protocol(_) => (close::PROTOCOL_ERROR, CloseDown::abnormal()),
            _ => return CloseDown::abnormal(),
        };
        let frame = CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() };
        let _ = Pin::new(&mut self.socket).start_send(Message::Close(Some(frame)));
        down
    }

    /// Pings an upstream that said nothing since the last ping. False when that one was not answered.
    async fn ping(&mut self, cell: &Cell) -> bool {
        if !cell.with(|session, _| session.wants_upstream()) {
            // It is not read, so its pong would not be seen.
            self.heard = true;
            return true;
        }
        if !std::mem::take(&mut self.heard) {
            return false;
        }
        let sent = std::future::poll_fn(|cx| Pin::new(&mut self.socket).poll_ready(cx));
        // A socket that cannot take a ping at once is busy, and has its own deadline.
        if let Ok(Ok(())) = timeout(Duration::ZERO, sent).await {
            let _ = Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new()));
            self.unflushed = true;
        }
        true
    }
}

fn closed(frame: Option<CloseFrame>) -> CloseDown {
    let (code, reason) = frame.map_or((close::NO_CODE, String::new()), |frame| {
        (frame.code.into(), frame.reason.as_str().to_owned())
    });
    CloseDown { code, reason, clean: true, failure: None }
}

fn to_frame(message: ToUpstream) -> Message {
    match message {
        // Checked by the session; if it were not UTF-8, an empty text would be sent.
        ToUpstream::Text(data) => Message::Text(Utf8Bytes::try_from(data).unwrap_or_default()),
        ToUpstream::Binary(data) => Message::Binary(data),
        ToUpstream::Close(None) => Message::Close(None),
        ToUpstream::Close(Some((code, reason))) => {
            Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))
        }
    }
}
