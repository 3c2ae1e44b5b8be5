//! The REST API behind Pogo: one document, and how often it was asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use polysocket_service::Lifecycle;
use polysocket_service::http::{Body, Exchange, Handler, HttpConfig, HttpMetrics, Server, bind};
use polysocket_service::metrics::Registry;

use crate::Result;

/// What it answers, of a number that is `PUT` there.
pub fn document(number: u64) -> String {
    format!(r#"{{"id":1,"title":"Post title","likes":{number}}}"#)
}

pub struct Api {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    reads: AtomicU64,
    number: AtomicU64,
    /// `max-age`, seconds.
    age: AtomicU64,
}

impl Api {
    /// It wants to be polled every second.
    pub fn start(life: &Lifecycle) -> Result<Self> {
        let state =
            Arc::new(State { reads: AtomicU64::new(0), number: AtomicU64::new(0), age: AtomicU64::new(1) });
        let bound = bind("127.0.0.1:0", None)?;
        let address = bound.address()?;
        let metrics = HttpMetrics::new(&Registry::new());
        Server::new(Serves(state.clone()), HttpConfig::default(), life.clone(), metrics).serve(bound);
        Ok(Self { address, state })
    }

    pub fn reads(&self) -> u64 {
        self.state.reads.load(Ordering::SeqCst)
    }

    /// From now on it is to be polled so often.
    pub fn pause(&self, pause: Duration) {
        self.state.age.store(pause.as_secs(), Ordering::SeqCst);
    }
}

#[derive(Clone)]
struct Serves(Arc<State>);

impl Handler for Serves {
    async fn handle(&self, request: Request<Incoming>, _: Exchange) -> Response<Body> {
        let state = &self.0;
        if *request.method() == Method::PUT {
            let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            let number = body.ok().and_then(|body| str::from_utf8(&body).ok()?.parse().ok());
            let mut response = Response::new(Body::empty());
            match number {
                Some(number) => state.number.store(number, Ordering::SeqCst),
                None => *response.status_mut() = StatusCode::BAD_REQUEST,
            }
            return response;
        }
        state.reads.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Body::full(document(state.number.load(Ordering::SeqCst))));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let age = format!("max-age={}", state.age.load(Ordering::SeqCst));
        headers.extend(HeaderValue::try_from(age).ok().map(|age| (CACHE_CONTROL, age)));
        response
    }
}
