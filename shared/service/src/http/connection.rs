//! One HTTP/1 connection: nothing but the socket while it is idle or its request waits; hyper for what is not plain.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use ::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::park::{Answering, Exchange, Parked, Slot};
use super::plain::{self, SCRATCH};
use super::shared::Shared;
use super::{Body, Handler, Peer, Stream, metrics};

/// hyper's service: passes a request to the handler together with the slot of its connection.
struct Requests<H> {
    handler: H,
    peer: Peer,
    slot: Slot,
}

impl<H: Handler> Service<Request<Incoming>> for Requests<H> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange = Exchange::parkable(self.peer, self.slot.clone(), &request);
        let handler = self.handler.clone();
        Box::pin(async move { Ok(handler.handle(request, exchange).await) })
    }
}

type Connection<H> = http1::UpgradeableConnection<TokioIo<Stream>, Requests<H>>;

/// What came next on an idle connection.
enum Next {
    /// A plain request that the handler answers.
    Plain(Answering),
    /// Something for hyper; its bytes were put back.
    Other,
    /// The h2 preface, put back.
    H2,
    /// What may become the h2 preface, put back.
    Unclear,
    /// The peer has gone.
    Gone,
}

/// How a connection was served.
pub(crate) enum Served {
    /// To its end, with the outcome for the metric.
    Ended(&'static str),
    /// Not: it began with the h2 preface, which was put back.
    SpeaksH2(Stream),
}

/// The beginning of the h2 preface (RFC 9113, section 3.4); no method begins like this.
const H2: &[u8] = b"PRI";

/// How hyper's part ended.
enum Hyper {
    Ended(Result<(), hyper::Error>),
    Parked(Parked),
}

/// Serves until the peer goes, an answer says `close`, or the process stops.
pub(crate) async fn serve<H: Handler>(mut stream: Stream, peer: Peer, shared: Arc<Shared<H>>) -> Served {
    // Made once: each would take the lock that all connections share.
    let stopping = shared.life.stopping();
    tokio::pin!(stopping);
    let mut is_stopping = false;
    let mut first = true;
    loop {
        let idle = timeout(shared.config.head_timeout.as_duration(), next(&mut stream, &shared, first));
        let came = tokio::select! {
            biased;
            came = idle => came,
            () = &mut stopping, if !is_stopping => return Served::Ended(metrics::CLOSED),
        };
        first = false;
        let parked = match came {
            Ok(Next::H2) => return Served::SpeaksH2(stream),
            Ok(Next::Plain(answer)) => Parked { answer, keep_alive: true },
            Ok(Next::Gone) => return Served::Ended(metrics::CLOSED),
            Err(_) => return Served::Ended(metrics::HEAD_TIMEOUT),
            Ok(Next::Other | Next::Unclear) => match with_hyper(stream, peer, &shared).await {
                Ok((socket, parked)) => {
                    stream = socket;
                    parked
                }
                Err(outcome) => return Served::Ended(outcome),
            },
        };
        let keep_alive = parked.keep_alive;
        let Some(answer) = wait(&mut stream, parked.answer, &shared).await else {
            return Served::Ended(metrics::CLOSED);
        };
        let written = timeout(shared.config.write_timeout.as_duration(), async {
            stream.write_all(&answer).await?;
            stream.flush().await
        });
        let written = written.await;
        // Before it is looked at below: from then on nothing but the peer's silence would end this.
        is_stopping |= shared.life.is_stopping();
        match written {
            Ok(Ok(())) if keep_alive && !is_stopping => {}
            Ok(Ok(())) => {
                let _ = timeout(shared.config.write_timeout.as_duration(), stream.shutdown()).await;
                return Served::Ended(metrics::CLOSED);
            }
            Ok(Err(_)) => return Served::Ended(metrics::BROKEN),
            Err(_) => return Served::Ended(metrics::WRITE_TIMEOUT),
        }
    }
}

/// Waits for what comes next. An idle connection owns no buffer.
async fn next<H: Handler>(stream: &mut Stream, shared: &Shared<H>, first: bool) -> Next {
    loop {
        match std::future::poll_fn(|cx| poll_next(stream, cx, shared, first)).await {
            Next::Unclear => {
                if !stream.hear_more().await {
                    return Next::Gone;
                }
            }
            next => return next,
        }
    }
}

fn poll_next<H: Handler>(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    shared: &Shared<H>,
    first: bool,
) -> Poll<Next> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(&mut scratch[..]);
        let read = std::task::ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
        let bytes = buffer.filled();
        if read.is_err() || bytes.is_empty() {
            return Poll::Ready(Next::Gone);
        }
        if let Some((request, length)) = plain::read(bytes, shared.config.head_bytes_max.as_usize())
            && let Some(answer) = shared.handler.answer_plain(&request)
        {
            stream.put_back(&bytes[length..]);
            return Poll::Ready(Next::Plain(answer));
        }
        stream.put_back(bytes);
        Poll::Ready(if first && bytes.starts_with(H2) {
            Next::H2
        } else if first && H2.starts_with(bytes) {
            Next::Unclear
        } else {
            Next::Other
        })
    })
}

/// Gives the connection to hyper until it ends, with its outcome, or a request is parked.
async fn with_hyper<H: Handler>(
    stream: Stream,
    peer: Peer,
    shared: &Arc<Shared<H>>,
) -> Result<(Stream, Parked), &'static str> {
    let slot = Slot::default();
    let flushed = stream.flushed();
    let requests = Requests { handler: shared.handler.clone(), peer, slot: slot.clone() };
    // Boxed: while idle or parked the task is only as large as its largest state.
    let mut connection =
        Box::new(builder(shared).serve_connection(TokioIo::new(stream), requests).with_upgrades());
    let parked = match Box::pin(drive(&mut connection, &slot, &flushed, shared)).await {
        Hyper::Ended(Ok(())) => return Err(metrics::CLOSED),
        Hyper::Ended(Err(error)) if error.is_timeout() => return Err(metrics::HEAD_TIMEOUT),
        Hyper::Ended(Err(_)) => return Err(metrics::BROKEN),
        Hyper::Parked(parked) => parked,
    };
    let parts = connection.into_parts().ok_or(metrics::CLOSED)?;
    let mut stream = parts.io.into_inner();
    stream.put_back(&parts.read_buf);
    Ok((stream, parked))
}

fn builder<H>(shared: &Shared<H>) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.head_timeout.as_duration())
        .max_header_size(shared.config.head_bytes_max.as_usize())
        .max_buf_size(shared.config.head_bytes_max.as_usize());
    builder
}

/// Drives hyper until it ends or a request is parked and every earlier answer has left.
async fn drive<H: Handler>(
    connection: &mut Box<Connection<H>>,
    slot: &Slot,
    flushed: &AtomicBool,
    shared: &Shared<H>,
) -> Hyper {
    let mut poll = |cx: &mut Context<'_>| match Pin::new(&mut **connection).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Hyper::Ended(ended)),
        Poll::Pending if slot.is_set() && flushed.load(Ordering::Relaxed) => {
            slot.take().map_or(Poll::Pending, |parked| Poll::Ready(Hyper::Parked(parked)))
        }
        Poll::Pending => Poll::Pending,
    };
    let ended = tokio::select! {
        biased;
        ended = std::future::poll_fn(&mut poll) => Some(ended),
        () = shared.life.stopping() => None,
    };
    if let Some(ended) = ended {
        return ended;
    }
    Pin::new(&mut **connection).graceful_shutdown();
    let mut poll = |cx: &mut Context<'_>| Pin::new(&mut **connection).poll(cx).map(Hyper::Ended);
    tokio::select! {
        biased;
        () = shared.life.aborted().cancelled() => Hyper::Ended(Ok(())),
        ended = std::future::poll_fn(&mut poll) => ended,
    }
}

/// Waits for the answer; none when the peer goes or the process is aborted.
async fn wait<H>(stream: &mut Stream, mut answer: Answering, shared: &Shared<H>) -> Option<Vec<u8>> {
    // Most answers are there at once.
    let ready = std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(ready) = ready.await {
        return Some(ready);
    }
    let _waiting = Waiting::new(&shared.metrics);
    // What a peer says before it has its answer is the next request: kept, and then it is not listened to, so its
    // going is noticed only when the answer is written.
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return Some(answer),
            heard = stream.hear(), if listening => {
                if !heard {
                    return None;
                }
                listening = false;
            }
            () = shared.life.aborted().cancelled() => return None,
        }
    }
}

/// Counts a parked connection while it is one, also when its task is dropped.
struct Waiting<'a>(&'a metrics::HttpMetrics);

impl<'a> Waiting<'a> {
    fn new(metrics: &'a metrics::HttpMetrics) -> Self {
        metrics.parked.inc();
        Self(metrics)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.parked.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use tokio::net::{TcpListener, TcpStream};

    use super::super::places::Places;
    use super::*;
    use crate::Lifecycle;
    use crate::http::{Body, HttpConfig, HttpMetrics};

    #[derive(Clone)]
    struct Nothing;

    impl Handler for Nothing {
        async fn handle(&self, _request: Request<Incoming>, _exchange: Exchange) -> Response<Body> {
            unreachable!("nothing gets as far as that")
        }
    }

    fn shared() -> Shared<Nothing> {
        let metrics = HttpMetrics::new(&prometheus::Registry::new());
        let places = Places::new(1, &metrics);
        Shared { handler: Nothing, config: HttpConfig::default(), life: Lifecycle::new(), metrics, places }
    }

    /// What comes next when the peer says `first`, is heard, and says `rest`.
    async fn told(first: &[u8], rest: &[u8]) -> Next {
        let shared = shared();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let mut peer = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        let (socket, _) = listener.accept().await.expect("accepted");
        peer.write_all(first).await.expect("written");
        socket.readable().await.expect("readable");
        let mut stream = Stream::plain(socket, shared.places.take().expect("a place"));
        let mut next = std::pin::pin!(next(&mut stream, &shared, true));
        let early = std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
        if let Poll::Ready(early) = early {
            return early;
        }
        peer.write_all(rest).await.expect("written");
        next.await
    }

    #[tokio::test]
    async fn the_h2_preface_may_come_in_pieces() {
        for (first, rest) in [("P", "RI * HTTP/2.0\r\n"), ("PR", "I"), ("PRI", "")] {
            assert!(matches!(told(first.as_bytes(), rest.as_bytes()).await, Next::H2), "{first}");
        }
        for (first, rest) in [("P", "OST / HTTP/1.1\r\n"), ("PR", "OPFIND"), ("G", "")] {
            assert!(matches!(told(first.as_bytes(), rest.as_bytes()).await, Next::Other), "{first}");
        }
    }
}
