//! One HTTP/1 connection: hyper while requests come, nothing but the socket while one is parked.

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
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::listener::Shared;
use super::park::{Exchange, Parked, Slot};
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

/// How hyper's part ended.
enum Hyper {
    Ended(Result<(), hyper::Error>),
    Parked(Parked),
}

/// Serves until the peer goes, an answer says `close`, or the process stops. Gives the outcome for the metric.
pub(crate) async fn serve<H: Handler>(mut stream: Stream, peer: Peer, shared: Arc<Shared<H>>) -> &'static str {
    loop {
        let slot = Slot::default();
        let flushed = stream.flushed();
        let requests = Requests { handler: shared.handler.clone(), peer, slot: slot.clone() };
        // Boxed: while parked this task is only as large as its largest state.
        let mut connection = Box::new(builder(&shared).serve_connection(TokioIo::new(stream), requests).with_upgrades());
        let parked = match drive(&mut connection, &slot, &flushed, &shared).await {
            Hyper::Ended(Ok(())) => return metrics::CLOSED,
            Hyper::Ended(Err(error)) if error.is_timeout() => return metrics::HEAD_TIMEOUT,
            Hyper::Ended(Err(_)) => return metrics::BROKEN,
            Hyper::Parked(parked) => parked,
        };
        let Some(parts) = connection.into_parts() else { return metrics::CLOSED };
        stream = parts.io.into_inner();
        stream.put_back(parts.read_buf);
        let keep_alive = parked.keep_alive;
        shared.metrics.parked.inc();
        let answer = wait(&mut stream, parked, &shared).await;
        shared.metrics.parked.dec();
        let Some(answer) = answer else { return metrics::CLOSED };
        let written = timeout(shared.config.write_timeout.as_duration(), async {
            stream.write_all(&answer).await?;
            stream.flush().await
        });
        match written.await {
            Ok(Ok(())) if keep_alive => {}
            Ok(Ok(())) => {
                let _ = timeout(shared.config.write_timeout.as_duration(), stream.shutdown()).await;
                return metrics::CLOSED;
            }
            Ok(Err(_)) => return metrics::BROKEN,
            Err(_) => return metrics::WRITE_TIMEOUT,
        }
    }
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
async fn wait<H>(stream: &mut Stream, mut parked: Parked, shared: &Shared<H>) -> Option<Vec<u8>> {
    let aborted = shared.life.aborted().cancelled();
    tokio::pin!(aborted);
    // What a peer says before it has its answer is the next request: kept, and then it is not listened to, so its
    // going is noticed only when the answer is written.
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut parked.answer => return Some(answer),
            heard = stream.hear(), if listening => {
                if !heard {
                    return None;
                }
                listening = false;
            }
            () = &mut aborted => return None,
        }
    }
}
