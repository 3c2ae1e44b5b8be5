//! An API that does what a test says, and tells what it was asked.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, Method};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One request, as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The token it came with.
    pub fn token(&self) -> Option<&str> {
        self.header("authorization").map(|value| value.strip_prefix("Bearer ").unwrap())
    }
}

/// What is answered.
pub type Answering = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

pub struct Api {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    answering: Arc<Mutex<Answering>>,
    server: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Api {
    pub async fn new(answering: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let answering: Arc<Mutex<Answering>> = Arc::new(Mutex::new(Arc::new(answering)));
        let (log, answers) = (seen.clone(), answering.clone());
        let serve = move |request: Request| {
            let (log, answers) = (log.clone(), answers.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let seen = Seen {
                    method: head.method,
                    path: head.uri.to_string(),
                    headers: head.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                log.lock().unwrap().push(seen.clone());
                let answer = answers.lock().unwrap().clone();
                answer(&seen)
            }
        };
        let router = axum::Router::new().fallback(serve);
        let server = tokio::spawn(async move { serve_http(listener, router).await });
        Self { url: format!("http://{address}"), seen, answering, server }
    }

    /// From now on it answers so.
    pub fn now(&self, answering: impl Fn(&Seen) -> Response + Send + Sync + 'static) {
        *self.answering.lock().unwrap() = Arc::new(answering);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How often a path was read.
    pub fn reads(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.method == Method::GET && seen.path == path).count()
    }
}

async fn serve_http(listener: TcpListener, router: axum::Router) {
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tower::ServiceExt;
    loop {
        let Ok((socket, _)) = listener.accept().await else { return };
        let router = router.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                router.clone().oneshot(request.map(Body::new))
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

/// An answer in JSON with some headers.
pub fn json(status: u16, headers: &[(&str, &str)], body: impl Into<String>) -> Response {
    let mut response = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body.into())).unwrap()
}
