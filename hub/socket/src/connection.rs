//! What a connection's senders and its task share: the socket and what waits for it, under one lock.
//!
//! Senders write straight to the socket. What they cannot write they queue, and wake the task, which alone waits for
//! the socket. The lock is never held across an await; what is done under it is at most one read or a few writes that
//! do not block.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use polysocket_protocol::close;
use polysocket_service::http::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::task::coop;
use tokio::time::Instant;

use crate::encode::{close_frame, short};
use crate::id::ConnectionId;
use crate::queue::Queue;
use crate::terms::Terms;
use crate::{Cause, CloseSummary};

/// Frames written by one system call.
const SLICES_MAX: usize = 32;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// What may still happen on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything.
    Open,
    /// What is queued leaves, a close frame last, and the client's is waited for.
    Closing,
    /// Nothing: the task is to end.
    Dead,
    /// Nothing, not even what the protocol still does: the process is at its deadline.
    Aborted,
}

/// What was read.
pub(crate) enum Heard {
    /// So many bytes.
    Bytes(usize),
    /// The client's end, or an error.
    End,
    /// Nothing yet.
    Nothing,
}

/// One connection.
pub(crate) struct Connection {
    id: ConnectionId,
    terms: Arc<Terms>,
    io: Mutex<Io>,
    /// It is not open any more, or has ended.
    changed: Notify,
}

/// What is under the lock.
struct Io {
    /// None once the connection has ended, whoever still holds a sender.
    stream: Option<Stream>,
    queue: Queue,
    /// The stream holds bytes that were written to it and have not left: TLS records.
    unflushed: bool,
    /// Since when the client takes nothing of what waits.
    stalled_since: Option<Instant>,
    /// Our side of the connection has been shut down.
    shut: bool,
    phase: Phase,
    /// How it ended, once it does.
    ending: Option<CloseSummary>,
    /// Wakes the task.
    waker: Option<Waker>,
}

impl Connection {
    pub(crate) fn new(stream: Stream, terms: Arc<Terms>) -> Arc<Self> {
        let io = Io {
            stream: Some(stream),
            queue: Queue::default(),
            unflushed: false,
            stalled_since: None,
            shut: false,
            phase: Phase::Open,
            ending: None,
            waker: None,
        };
        let id = ConnectionId(NEXT_ID.fetch_add(1, Ordering::Relaxed));
        Arc::new(Self { id, terms, io: Mutex::new(io), changed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `change` to what is under the lock, counts what it did to the queue, and tells whoever waits when it
    /// closed the connection.
    fn with<T>(&self, change: impl FnOnce(&mut Io) -> T) -> T {
        let mut io = self.lock();
        let (before, was_open) = (io.queue.bytes(), io.phase == Phase::Open);
        let done = change(&mut io);
        let after = io.queue.bytes();
        if was_open && io.phase != Phase::Open {
            self.changed.notify_waiters();
        }
        if before != after {
            self.terms.metrics.queued_bytes.add(after.cast_signed() as i64 - before.cast_signed() as i64);
        }
        done
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.lock().queue.bytes()
    }

    /// Sends a frame while the connection is open.
    pub(crate) fn send(&self, frame: Bytes) -> bool {
        let length = frame.len() as u64;
        let max = self.terms.limits.queue_bytes_max.as_usize();
        let sent = self.with(|io| {
            if io.phase != Phase::Open {
                return false;
            }
            if !io.queue.has_room_for(&frame, max) {
                io.close(Cause::SlowConsumer, Some(close::POLICY), "slow consumer");
                return false;
            }
            io.put(frame);
            io.phase == Phase::Open
        });
        if sent {
            self.terms.metrics.frames_out.inc();
            self.terms.metrics.bytes_out.inc_by(length);
        }
        sent
    }

    /// Closes for a reason of the protocol.
    pub(crate) fn close_by_protocol(&self, code: u16, reason: &str) {
        // These stand for the lack of a code and are never on the wire.
        let code =
            Some(code).filter(|code| !matches!(*code, close::NO_CODE | close::ABNORMAL | close::TLS_FAILED));
        self.close(Cause::Protocol, code, reason);
    }

    /// Closes with a close frame behind what is queued. The first close counts.
    pub(crate) fn close(&self, cause: Cause, code: Option<u16>, reason: &str) {
        self.with(|io| io.close(cause, code, reason));
    }

    /// The client's close frame came: it is answered, and the connection is clean.
    pub(crate) fn closed_by_client(&self, close: Option<(u16, String)>) {
        self.with(|io| {
            let lost = io.ending.as_ref().is_some_and(|ending| ending.cause == Cause::Lost);
            if io.phase == Phase::Open || lost {
                let (code, reason) =
                    close.map_or((None, String::new()), |(code, reason)| (Some(code), reason));
                io.phase = Phase::Open;
                io.ending = None;
                io.close(Cause::Client, code, &reason);
            }
            if let Some(ending) = io.ending.as_mut().filter(|_| io.phase == Phase::Closing) {
                ending.clean = true;
            }
        });
    }

    /// Ends it without any more ado.
    pub(crate) fn kill(&self, cause: Cause) {
        self.with(|io| {
            io.ending.get_or_insert_with(|| CloseSummary::without_frame(cause));
            io.phase = if cause == Cause::Aborted { Phase::Aborted } else { Phase::Dead };
            io.wake();
        });
    }

    /// Closes the socket, whoever still holds a sender, and says how it ended.
    pub(crate) fn finish(&self) -> CloseSummary {
        let (stream, ending) = self.with(|io| {
            io.queue.clear();
            io.stalled_since = None;
            if io.phase != Phase::Aborted {
                io.phase = Phase::Dead;
            }
            let ending = io.ending.get_or_insert_with(|| CloseSummary::without_frame(Cause::Lost)).clone();
            (io.stream.take(), ending)
        });
        if stream.is_some() {
            self.terms.metrics.ended.with_label_values(&[ending.cause.word()]).inc();
            tracing::debug!(id = %self.id, cause = ending.cause.word(), code = ending.code, "connection ended");
            self.changed.notify_waiters();
        }
        ending
    }

    /// Until it is not open any more, whoever closed it or broke it.
    pub(crate) async fn closing(&self) {
        self.until(|io| io.phase != Phase::Open).await;
    }

    /// Until [`finish`](Self::finish).
    pub(crate) async fn ended(&self) {
        self.until(|io| io.stream.is_none()).await;
    }

    async fn until(&self, is_so: impl Fn(&Io) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Before it is looked at, so that no notice is missed.
            changed.as_mut().enable();
            if is_so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// What the task does whenever it is woken: writes what waits, and remembers whom to wake. Says what may still
    /// happen, and since when nothing leaves.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>) -> (Phase, Option<Instant>) {
        self.with(|io| {
            io.remember(cx.waker());
            io.write_queued(cx);
            (io.phase, io.stalled_since)
        })
    }

    /// Reads, after having written.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, scratch: &mut [u8], last: bool) -> Heard {
        self.with(|io| {
            if last {
                io.shut_down(cx);
            }
            let Some(stream) = &mut io.stream else { return Heard::End };
            let mut buffer = ReadBuf::new(scratch);
            match Pin::new(stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Heard::Bytes(buffer.filled().len()),
                Poll::Ready(_) => Heard::End,
                Poll::Pending => Heard::Nothing,
            }
        })
    }
}

impl Io {
    fn remember(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Writes a frame, or queues what of it cannot be written.
    fn put(&mut self, mut frame: Bytes) {
        if !self.queue.is_empty() || self.unflushed {
            self.queue.push(frame);
            return;
        }
        let Some(stream) = &mut self.stream else { return };
        let length = frame.len();
        let Ok(flushed) = write_now(stream, &mut frame) else { return self.broken() };
        if flushed && frame.is_empty() {
            return;
        }
        self.unflushed = !flushed;
        if frame.len() == length {
            self.queue.push(frame);
        } else if !frame.is_empty() {
            self.queue.push_rest(frame);
        }
        self.stalled_since = Some(Instant::now());
        self.wake();
    }

    /// The task's side of [`put`](Self::put): writes what waits, as far as it can, and will be woken for the rest.
    fn write_queued(&mut self, cx: &mut Context<'_>) {
        let Some(stream) = &mut self.stream else { return };
        if self.queue.is_empty() && !self.unflushed {
            self.stalled_since = None;
            return;
        }
        let mut moved = false;
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = self.queue.slices(&mut slices);
            match Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(some)) if some > 0 => self.queue.advance(some),
                Poll::Ready(_) => return self.broken(),
                Poll::Pending => break,
            }
            moved = true;
        }
        match Pin::new(&mut *stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                moved |= self.unflushed;
                self.unflushed = false;
            }
            Poll::Ready(Err(_)) => return self.broken(),
            Poll::Pending => self.unflushed = true,
        }
        if self.queue.is_empty() && !self.unflushed {
            self.stalled_since = None;
        } else if moved {
            self.stalled_since = Some(Instant::now());
        }
    }

    /// Writing failed. What the client has said before may still be read, its close for instance.
    fn broken(&mut self) {
        self.queue.clear();
        self.unflushed = false;
        self.stalled_since = None;
        self.shut = true;
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
        }
        self.ending.get_or_insert_with(|| CloseSummary::without_frame(Cause::Lost));
        self.wake();
    }

    fn close(&mut self, cause: Cause, code: Option<u16>, reason: &str) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Closing;
        let reason = if code.is_some() { short(reason) } else { "" };
        let ending = CloseSummary {
            cause,
            code: code.unwrap_or(close::NO_CODE),
            reason: reason.to_owned(),
            clean: false,
        };
        self.ending = Some(ending);
        // To whom has closed nothing more is said, and who takes nothing gives its memory back.
        if matches!(cause, Cause::Client | Cause::SlowConsumer | Cause::Flood) {
            self.queue.drop_unsent();
        }
        if !self.shut {
            self.put(close_frame(code, reason));
        }
        self.wake();
    }

    /// Says that nothing more comes, once everything has left.
    fn shut_down(&mut self, cx: &mut Context<'_>) {
        if self.shut || self.unflushed || !self.queue.is_empty() {
            return;
        }
        if let Some(stream) = &mut self.stream {
            self.shut = Pin::new(stream).poll_shutdown(cx).is_ready();
        }
    }
}

/// Writes what can be written without waiting, off the front of `frame`. Whether the stream holds nothing back.
///
/// Nobody is woken, and what the running task may do at a time is not counted: it is not the task of this connection.
fn write_now(stream: &mut Stream, frame: &mut Bytes) -> io::Result<bool> {
    let write = std::future::poll_fn(|cx| {
        while !frame.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, frame) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(some)) => frame.advance(some),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        Pin::new(&mut *stream).poll_flush(cx)
    });
    let polled = pin!(coop::unconstrained(write)).poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(flushed) => flushed.map(|()| true),
        Poll::Pending => Ok(false),
    }
}
