//! A request of another node's socket: passed on to that node, whichever transport it is.
//!
//! The id says which node and which incarnation; the address comes from the directory. A request is passed on at
//! most once.

use std::sync::Mutex;
use std::time::Duration;

use ::http::uri::{PathAndQuery, Uri};
use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use polysocket_protocol::{SocketId, Word};
use polysocket_registry::NodeLease;
use polysocket_service::http::Body;
use tokio::io::copy_bidirectional;
use tokio::time::{Instant, timeout};

use crate::relay::Node;

/// Says that a request was passed on already.
const HOP: HeaderName = HeaderName::from_static("polysocket-hop");
/// How long what the directory said is believed.
const DIRECTORY_AGE: Duration = Duration::from_millis(500);
/// Until the other node has begun to answer beyond the time it may park a request.
const ANSWER: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(2);

type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// Passes requests on.
pub(crate) struct Forwarder {
    client: Client<HttpConnector, Outgoing>,
    directory: Mutex<Option<(Instant, Vec<NodeLease>)>>,
}

impl Default for Forwarder {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), directory: Mutex::new(None) }
    }
}

/// Passes the request on to the node its socket lives on; `gone` when there is none.
pub(crate) async fn forward(node: &Node, id: &str, request: Request<Incoming>) -> Result<Response<Body>, Word> {
    let count = |outcome| node.metrics.forwarded.with_label_values(&[outcome]).inc();
    let Some(url) = owner(node, id, request.headers()).await else {
        count("gone");
        return Err(Word::Gone);
    };
    let passed = pass_on(node, &url, request).await;
    count(if passed.is_some() { "ok" } else { "failed" });
    // Busy, not gone: the client asks again, and by then the directory knows.
    passed.ok_or(Word::Busy)
}

/// Where that node is, if the id was issued by this cluster and the node is another one, of the same incarnation.
async fn owner(node: &Node, id: &str, headers: &HeaderMap) -> Option<String> {
    if headers.contains_key(HOP) {
        return None;
    }
    let id = SocketId::parse(id).ok()?;
    if id.node() == node.config.name || !node.key.verify(&id.signed(), id.mac()) {
        return None;
    }
    let nodes = directory(node).await?;
    nodes.into_iter().find(|lease| lease.node == id.node() && lease.boot == id.boot()).map(|lease| lease.internal_url)
}

async fn directory(node: &Node) -> Option<Vec<NodeLease>> {
    let known = || node.forwarder.directory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((read, nodes)) = &*known()
        && read.elapsed() < DIRECTORY_AGE
    {
        return Some(nodes.clone());
    }
    match node.registry.nodes().await {
        Ok(nodes) => {
            *known() = Some((Instant::now(), nodes.clone()));
            Some(nodes)
        }
        // While the registry is down the last known table is used: the sessions are still there.
        Err(_) => known().as_ref().map(|(_, nodes)| nodes.clone()),
    }
}

async fn pass_on(node: &Node, url: &str, mut request: Request<Incoming>) -> Option<Response<Body>> {
    let upgrade: Option<OnUpgrade> = request.extensions_mut().remove();
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri: Uri = format!("{}{path}", url.trim_end_matches('/')).parse().ok()?;
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let (parts, body) = request.into_parts();
    let body: Outgoing =
        if upgrading { Full::default().map_err(|never| match never {}).boxed_unsync() } else { body.boxed_unsync() };
    let mut passed = Request::new(body);
    *passed.method_mut() = parts.method;
    *passed.uri_mut() = uri;
    copy_headers(&parts.headers, passed.headers_mut(), upgrading);
    passed.headers_mut().insert(HOP, HeaderValue::from_static("1"));
    let mut answer = timeout(ANSWER, node.forwarder.client.request(passed)).await.ok()?.ok()?;
    if let (Some(upgrade), true) = (upgrade, answer.status() == ::http::StatusCode::SWITCHING_PROTOCOLS) {
        let there = hyper::upgrade::on(&mut answer);
        node.life.spawn(async move {
            if let (Ok(here), Ok(there)) = tokio::join!(upgrade, there) {
                let _ = copy_bidirectional(&mut TokioIo::new(here), &mut TokioIo::new(there)).await;
            }
        });
    }
    let (parts, body) = answer.into_parts();
    let switching = parts.status == ::http::StatusCode::SWITCHING_PROTOCOLS;
    let mut response =
        Response::new(if switching { Body::empty() } else { Body::Stream(axum::body::Body::new(body)) });
    *response.status_mut() = parts.status;
    copy_headers(&parts.headers, response.headers_mut(), switching);
    Some(response)
}

/// All but what belongs to one hop (RFC 9110, section 7.6.1), unless the hop is being switched.
fn copy_headers(from: &HeaderMap, to: &mut HeaderMap, switching: bool) {
    let hop = |name: &HeaderName| {
        [header::CONNECTION, header::UPGRADE].contains(name) && !switching
            || [header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::CONTENT_LENGTH].contains(name)
            || name == HeaderName::from_static("keep-alive")
    };
    from.iter().filter(|(name, _)| !hop(name)).for_each(|(name, value)| {
        to.append(name, value.clone());
    });
}
