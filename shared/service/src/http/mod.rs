//! HTTP listeners, and connections that can be parked.
//!
//! hyper parses and writes what is not plain. What is ours is the accept loop (limits, deadlines, TLS, draining),
//! **plain requests**, which are answered straight from the socket ([`Handler::answer_plain`]), and **parking**: a
//! handler that has to wait long hands over a future of the answer's bytes ([`Exchange::park`]), and the connection
//! keeps only the socket and that future. An idle or waiting connection so costs hundreds of bytes instead of
//! hyper's buffers.
//!
//! # Layout
//! `answer`: short answers, both ways. `bind`: addresses. [`body`]: bodies of others. `config`: limits. `connection`: one HTTP/1
//! connection, driven and parked. `files`: files that are part of the program. `listener`: accepting. `metrics`. `park`: the slot between handler and connection. `places`: how many connections there may be.
//! `plain`: requests that need no hyper. `routes`: axum as a handler. `stream`: plain or TLS. `upgrade`: handshakes of
//! WebSockets. What all daemons serve: `shim`, the client's script, and `probe`, a WebSocket that says one thing.

mod answer;
mod answering;
mod bind;
pub mod body;
mod config;
mod connection;
mod date;
mod files;
mod listener;
mod metrics;
mod park;
mod places;
mod plain;
mod probe;
mod routes;
mod shared;
mod shim;
mod stream;
mod upgrade;

use std::future::Future;
use std::net::SocketAddr;

use ::http::{Request, Response};
use hyper::body::Incoming;

pub use answer::{Answer, allow_origin, preflight};
pub use bind::{Bound, bind, bind_all};
pub use body::Body;
pub use config::HttpConfig;
pub use date::write_date;
pub use files::{File, file_routes, media};
pub use listener::Server;
pub use metrics::HttpMetrics;
pub use park::{Answering, Exchange, RawAnswer};
pub use plain::PlainRequest;
pub use routes::Routes;
pub use stream::Stream;
pub use upgrade::{Handshake, NotAWebSocket};

use crate::Lifecycle;

/// What every process that pages reach serves to the client: its script, and a probe of the network.
pub fn client_routes(life: &Lifecycle) -> axum::Router {
    shim::shim_routes().merge(probe::probe_routes(life))
}

/// What serves requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Answers a request that is wholly there, or declines: then [`handle`](Self::handle) gets it. A declined
    /// request must not have had an effect.
    fn answer_plain(&self, _request: &PlainRequest<'_>) -> Option<Answering> {
        None
    }

    /// Answers one request. `exchange` tells of its connection, and can park it.
    fn handle(
        &self,
        request: Request<Incoming>,
        exchange: Exchange,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// It came by TLS.
    pub secure: bool,
}
