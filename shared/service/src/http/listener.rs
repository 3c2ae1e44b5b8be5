//! Accepting: plain and TLS side by side, HTTP/1.1 and h2 told apart, everything bounded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::answering::Answering;
use super::bind::{Bound, PEER_TIMEOUT};
use super::connection::{self, Served};
use super::park::Exchange;
use super::places::{Place, Places};
use super::shared::Shared;
use super::{Handler, HttpConfig, HttpMetrics, Peer, Stream, metrics};
use crate::Lifecycle;

/// After accept fails (no more files, say): time for some to become free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves one handler on any number of listeners, with one limit on connections.
pub struct Server<H>(Arc<Shared<H>>);

impl<H: Handler> Server<H> {
    /// A server without listeners.
    pub fn new(handler: H, config: HttpConfig, life: Lifecycle, metrics: HttpMetrics) -> Self {
        let places = Places::new(config.connections_max, &metrics);
        Self(Arc::new(Shared { handler, config, life, metrics, places }))
    }

    /// Serves a listener until the process stops.
    pub fn serve(&self, bound: Bound) {
        let shared = self.0.clone();
        if let Some(certificate) = &bound.certificate {
            certificate.watch(&shared.life);
        }
        self.0.life.spawn(accept(bound, shared));
    }
}

async fn accept<H: Handler>(bound: Bound, shared: Arc<Shared<H>>) {
    let tls = bound.certificate.as_ref().map(|certificate| TlsAcceptor::from(certificate.server_config()));
    loop {
        let accepted = tokio::select! {
            accepted = bound.listener.accept() => accepted,
            () = shared.life.stopping() => return,
        };
        let (socket, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        shared.metrics.accepted.inc();
        let Some(place) = shared.places.take() else {
            shared.metrics.ended.with_label_values(&[metrics::REFUSED]).inc();
            continue;
        };
        let peer = Peer { address, secure: tls.is_some() };
        let tls = tls.clone();
        // It watches for abortion itself.
        let shared = shared.clone();
        shared.life.clone().spawn_bare(async move {
            let outcome = greet(socket, place, tls, peer, &shared).await;
            shared.metrics.ended.with_label_values(&[outcome]).inc();
        });
    }
}

/// Shakes hands if need be, and finds out which HTTP the peer speaks.
async fn greet<H: Handler>(
    socket: TcpStream,
    place: Place,
    tls: Option<TlsAcceptor>,
    peer: Peer,
    shared: &Arc<Shared<H>>,
) -> &'static str {
    let (stream, h2) = match tls {
        Some(tls) => {
            // Boxed: the state of a handshake is large, and soon over.
            let handshake =
                Box::pin(timeout(shared.config.tls_handshake_timeout.as_duration(), tls.accept(socket)));
            let Ok(Ok(stream)) = handshake.await else { return metrics::TLS_FAILED };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Stream::tls(stream, place), h2)
        }
        None => (Stream::plain(socket, place), false),
    };
    if h2 {
        return Box::pin(serve_h2(stream, peer, shared.clone())).await;
    }
    match connection::serve(stream, peer, shared.clone()).await {
        Served::Ended(outcome) => outcome,
        Served::SpeaksH2(stream) => Box::pin(serve_h2(stream, peer, shared.clone())).await,
    }
}

/// A connection that is neither asked nor answers for `head_timeout` ends.
async fn serve_h2<H: Handler>(stream: Stream, peer: Peer, shared: Arc<Shared<H>>) -> &'static str {
    let handler = shared.handler.clone();
    let answering = Arc::new(Answering::default());
    let begins = answering.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let answer = begins.begin();
        let handler = handler.clone();
        async move {
            let response = handler.handle(request, Exchange::unparkable(peer)).await;
            Ok::<_, Infallible>(response.map(|body| answer.until_end_of(body)))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(shared.config.h2_streams_max)
        .max_header_list_size(u32::try_from(shared.config.head_bytes_max.as_usize()).unwrap_or(u32::MAX))
        .keep_alive_interval(PEER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let silence = sleep(shared.config.head_timeout.as_duration());
    // Made once: each would take the lock that all connections share.
    let stopping = shared.life.stopping();
    tokio::pin!(connection, silence, stopping);
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break Some(ended),
            () = &mut stopping => break None,
            () = silence.as_mut() => {
                if !answering.has_begun() {
                    // It may be in its handshake still, which no grace would end.
                    return metrics::HEAD_TIMEOUT;
                }
                if !answering.since_last_asked() {
                    break None;
                }
                silence.as_mut().reset(Instant::now() + shared.config.head_timeout.as_duration());
            }
        }
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = shared.life.aborted().cancelled() => Ok(()),
        }
    };
    if ended.is_ok() { metrics::CLOSED } else { metrics::BROKEN }
}
