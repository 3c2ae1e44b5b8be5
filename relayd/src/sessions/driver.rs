//! One task per session: it dials, carries messages between the session and its upstream, and keeps the time.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use polysocket_protocol::{CloseDown, close};
use polysocket_session::{Session, Time, ToUpstream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::Cell;
use crate::metrics::RelayMetrics;
use crate::upstream::{Failure, Opened, Socket};

/// How long the last frame may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// What tungstenite makes of a close frame whose code must not be on the wire.
const FORBIDDEN_CODE: &str = "Protocol violation";
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

/// What drives one session. In one allocation: an async function would hold its arguments beside its locals.
pub(crate) struct Driver {
    cell: Arc<Cell>,
    metrics: RelayMetrics,
    ping_every_ms: u64,
    ping_at: Time,
    upstream: Option<Upstream>,
    /// Dials a held target, when the page says so.
    dial: Option<Dial>,
    dialling: Option<Dialling>,
    leaving: Option<Leaving>,
}

/// Begins to dial.
pub(crate) type Dial = Box<dyn FnOnce() -> Dialling + Send>;

impl Driver {
    /// For a session whose upstream is open already, or is dialled later.
    pub(crate) fn new(
        cell: Arc<Cell>,
        upstream: Option<Socket>,
        dial: Option<Dial>,
        ping_every: Duration,
        metrics: RelayMetrics,
    ) -> Box<Self> {
        let ping_every_ms = u64::try_from(ping_every.as_millis()).unwrap_or(u64::MAX);
        let ping_at = cell.now().plus(ping_every_ms);
        let upstream = upstream.map(Upstream::new);
        Box::new(Self {
            cell,
            metrics,
            ping_every_ms,
            ping_at,
            upstream,
            dial,
            dialling: None,
            leaving: None,
        })
    }

    /// Until the session is over.
    pub(crate) async fn run(mut self: Box<Self>) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        // When it goes off; none when it has.
        let mut armed = None;
        loop {
            let (over, at) = self.look(armed);
            if over {
                break;
            }
            if at != armed {
                armed = at;
                if let Some(at) = at {
                    timer.as_mut().reset(self.cell.instant(at));
                }
            }
            let this = &mut *self;
            let event = tokio::select! {
                biased;
                how = pump(this.upstream.as_mut(), &this.cell, &this.metrics) => Event::Closed(how),
                opened = when(this.dialling.as_mut()) => Event::Dialled(Box::new(opened)),
                () = this.cell.driver().notified() => Event::Woken,
                () = when(this.leaving.as_mut()) => Event::Left,
                () = &mut timer, if armed.is_some() => Event::Timer,
            };
            match event {
                Event::Woken => {}
                Event::Left => self.leaving = None,
                Event::Dialled(opened) => {
                    self.dialling = None;
                    self.upstream = dialled(&self.cell, *opened);
                    self.ping_at = self.cell.now().plus(self.ping_every_ms);
                }
                Event::Closed(how) => {
                    self.cell.with(|session, now| session.upstream_closed(now, how));
                    self.leaving = self.upstream.take().map(say_farewell);
                }
                Event::Timer => {
                    armed = None;
                    self.ping();
                }
            }
        }
        if let Some(leaving) = self.leaving.take() {
            leaving.await;
        }
    }

    /// Does what is due, and says whether it is all over and when to look again.
    fn look(&mut self, armed: Option<Time>) -> (bool, Option<Time>) {
        let own = self
            .upstream
            .as_ref()
            .map(|upstream| upstream.paused_until.map_or(self.ping_at, |at| at.min(self.ping_at)));
        let ((over, done, wants_dial), at) = self.cell.on_time(own, armed, |session| {
            (session.is_over(), session.upstream_is_done(), session.wants_dial())
        });
        if done {
            self.upstream = None;
            self.dialling = None;
        } else if wants_dial && self.dialling.is_none() {
            self.dialling = self.dial.take().map(|dial| dial());
        }
        (over, at)
    }

    /// Pings the upstream if it is time, and gives it up if it did not answer the last one.
    fn ping(&mut self) {
        let now = self.cell.now();
        let Some(upstream) = self.upstream.as_mut().filter(|_| self.ping_at <= now) else { return };
        self.ping_at = now.plus(self.ping_every_ms);
        if !upstream.ping(&self.cell) {
            tracing::debug!(connection = self.cell.facts.connection, "the upstream does not answer pings");
            self.cell.with(|session, now| session.upstream_closed(now, CloseDown::abnormal()));
        }
    }
}

enum Event {
    Woken,
    Left,
    Timer,
    Dialled(Box<Result<Opened, Failure>>),
    Closed(CloseDown),
}

/// Until it is done; never if there is nothing to do.
async fn when<T>(doing: Option<&mut Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match doing {
        Some(doing) => doing.await,
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
        let goodbye = async {
            // The answer to a close frame is queued already; it leaves by flushing, and the target, whose part it is
            // (RFC 6455, section 7.1.1), then closes the connection.
            if upstream.socket.flush().await.is_ok() {
                while let Some(Ok(_)) = upstream.socket.next().await {}
            }
        };
        let _ = timeout(FAREWELL, goodbye).await;
    })
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

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        cell: &Cell,
        metrics: &RelayMetrics,
    ) -> Poll<tungstenite::Result<()>> {
        if self.next.is_none() {
            self.next = cell.with(Session::next_up);
        }
        loop {
            if self.next.is_some() {
                std::task::ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            }
            if let Some(message) = self.next.take() {
                if let ToUpstream::Text(data) | ToUpstream::Binary(data) = &message {
                    metrics.up.count(data.len());
                }
                self.unreported += message.cost();
                self.unflushed = true;
                Pin::new(&mut self.socket).start_send(to_frame(message))?;
                self.next = cell.with(Session::next_up);
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
        // Also when it is not to be read: the driver's timer would go off at once, again and again, for a pause that is
        // over.
        self.paused_until = self.paused_until.filter(|until| cell.now() < *until);
        let mut wanted = cell.with(|session, _| session.wants_upstream());
        while wanted {
            if self.paused_until.is_some() {
                return Poll::Pending;
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
                let told =
                    CloseDown { code: close::TOO_BIG, reason: reason.into(), clean: true, failure: None };
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
    fn ping(&mut self, cell: &Cell) -> bool {
        if !cell.with(|session, _| session.wants_upstream()) {
            // It is not read, so its pong would not be seen.
            self.heard = true;
            return true;
        }
        if !std::mem::take(&mut self.heard) {
            return false;
        }
        // A socket that cannot take a ping at once is busy, and has its own deadline.
        if Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new())).is_ok() {
            self.unflushed = true;
        }
        true
    }
}

/// How the upstream closed, as browsers tell it.
fn closed(frame: Option<CloseFrame>) -> CloseDown {
    if frame.as_ref().is_some_and(|frame| frame.code == CloseCode::Protocol && frame.reason == FORBIDDEN_CODE)
    {
        return CloseDown::abnormal();
    }
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
