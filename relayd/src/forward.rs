//! A request of another node's socket: passed on to that node, whichever transport it is.
//!
//! The id says which node and which incarnation; the address comes from the directory. A request is passed on at
//! most once.

use std::sync::Arc;
use std::time::Duration;

use ::http::uri::{PathAndQuery, Uri};
use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use polysocket_protocol::{SocketId, Word};
use polysocket_service::http::Body;
use tokio::io::copy_bidirectional;
use tokio::time::{Instant, timeout};

use crate::directory::{Outgoing, Owner};
use crate::node::Node;

/// Says that a request was passed on already.
const HOP: HeaderName = HeaderName::from_static("polysocket-hop");
/// Until the other node has begun to answer beyond the time it may park a request.
const ANSWER: Duration = Duration::from_secs(60);

/// Passes the request on to the node its socket lives on; `gone` when there is none.
pub(crate) async fn forward(
    node: &Arc<Node>,
    id: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Word> {
    let count = |outcome| node.metrics.forwarded.with_label_values(&[outcome]).inc();
    let owner = match owner(node, id, request.headers()).await {
        Ok(owner) => owner,
        Err(word) => {
            count(if word == Word::Gone { "gone" } else { "failed" });
            return Err(word);
        }
    };
    let passed = pass_on(node, &owner.url, request).await;
    count(if passed.is_some() { "ok" } else { "failed" });
    // Busy, not gone, while its lease stands: the client asks again, and by then the table knows.
    passed.ok_or(if owner.listed { Word::Busy } else { Word::Gone })
}

/// Where that node is, if the id was issued by this cluster and the node is another one, of the same incarnation.
///
/// What is known is used at once, however old: the registry may be slow or away, and sessions do not wait for it. Where
/// nothing is known and the registry cannot be asked, the client has to ask again: its session may well live.
async fn owner(node: &Arc<Node>, id: &str, headers: &HeaderMap) -> Result<Owner, Word> {
    if headers.contains_key(HOP) {
        return Err(Word::Gone);
    }
    let id = SocketId::parse(id).map_err(|_| Word::Gone)?;
    if id.node() == node.config.name || !node.key.verify(&id.signed(), id.mac()) {
        return Err(Word::Gone);
    }
    let Some((owner, due)) = node.directory.table().look_up(&id) else {
        // However young the table is, the socket may be younger.
        let read = read_table(node).await;
        let owner = node.directory.table().find(&id);
        return owner.ok_or(if read { Word::Gone } else { Word::Busy });
    };
    if due {
        let reader = node.clone();
        node.life.spawn(async move {
            read_table(&reader).await;
        });
    }
    Ok(owner)
}

/// Whether it could be read.
async fn read_table(node: &Node) -> bool {
    let nodes = node.registry.nodes().await;
    let mut table = node.directory.table();
    table.reading = false;
    match nodes {
        Ok(nodes) => {
            table.update(nodes, Instant::now());
            true
        }
        Err(error) => {
            tracing::debug!(%error, "no table of nodes: the last one is used on");
            false
        }
    }
}

async fn pass_on(node: &Node, url: &str, mut request: Request<Incoming>) -> Option<Response<Body>> {
    let upgrade: Option<OnUpgrade> = request.extensions_mut().remove();
    let path = request.uri().path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri: Uri = format!("{}{path}", url.trim_end_matches('/')).parse().ok()?;
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let (parts, body) = request.into_parts();
    let body: Outgoing = if upgrading {
        Full::default().map_err(|never| match never {}).boxed_unsync()
    } else {
        body.boxed_unsync()
    };
    let mut passed = Request::new(body);
    *passed.method_mut() = parts.method;
    *passed.uri_mut() = uri;
    copy_headers(&parts.headers, passed.headers_mut(), upgrading);
    passed.headers_mut().insert(HOP, HeaderValue::from_static("1"));
    let mut answer = timeout(ANSWER, node.directory.client.request(passed)).await.ok()?.ok()?;
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
