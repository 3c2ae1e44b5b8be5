//! An issuer of tokens: a little HTTP server with a JWK set.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::TestKey;

/// Serves `/keys` on a free port until it is dropped.
pub struct Issuer {
    address: SocketAddr,
    body: Arc<Mutex<String>>,
    requests: watch::Receiver<u32>,
    gate: watch::Sender<bool>,
    server: AbortHandle,
}

impl Issuer {
    pub async fn start(keys: &[&TestKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let body = Arc::new(Mutex::new(String::new()));
        let (count, requests) = watch::channel(0);
        let (gate, open) = watch::channel(true);
        let served = Arc::clone(&body);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (served, count, open) = (Arc::clone(&served), count.clone(), open.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (served, count, mut open) = (Arc::clone(&served), count.clone(), open.clone());
                    async move {
                        assert_eq!(request.uri(), "/keys?v=1");
                        count.send_modify(|count| *count += 1);
                        open.wait_for(|open| *open).await.unwrap();
                        let body = Bytes::from(served.lock().unwrap().clone());
                        Ok::<_, Infallible>(Response::new(Full::new(body)))
                    }
                });
                http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.unwrap();
            }
        });
        let issuer = Self { address, body, requests, gate, server: server.abort_handle() };
        issuer.publish(keys);
        issuer
    }

    pub fn url(&self) -> String {
        format!("http://{}/keys?v=1", self.address)
    }

    /// From now on, these keys are the set.
    pub fn publish(&self, keys: &[&TestKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        *self.body.lock().unwrap() = json!({ "keys": keys }).to_string();
    }

    /// From now on, this is what is served.
    pub fn serve(&self, body: &str) {
        body.clone_into(&mut self.body.lock().unwrap());
    }

    /// Whether answers are sent; while not, requests wait.
    pub fn answer(&self, open: bool) {
        self.gate.send_replace(open);
    }

    /// Requests so far.
    pub fn requests(&self) -> u32 {
        *self.requests.borrow()
    }

    /// Waits until there were so many requests.
    pub async fn asked(&self, times: u32) {
        self.requests.clone().wait_for(|requests| *requests >= times).await.unwrap();
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
