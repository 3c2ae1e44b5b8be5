//! A request of another node's socket: passed on to that node, whichever transport it is.
//!
//! The id says which node and which incarnation; the address comes from the directory. A request is passed on at
//! most once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

use crate::node::Node;

/// Says that a request was passed on already.
const HOP: HeaderName = HeaderName::from_static("polysocket-hop");
/// How old the table of nodes may get before it is read again.
const TABLE_AGE_MAX: Duration = Duration::from_millis(500);
/// How long a node is still tried that a table does not have any more: it may be the registry that lost its data, and
/// the node says so again within a second or two. One that is really gone refuses the connection.
const MISSING_MAX: Duration = Duration::from_secs(30);
/// Until the other node has begun to answer beyond the time it may park a request.
const ANSWER: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(2);

type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// Passes requests on.
pub(crate) struct Forwarder {
    client: Client<HttpConnector, Outgoing>,
    table: Mutex<Table>,
}

/// Where other nodes are, from the registry's tables.
#[derive(Default)]
struct Table {
    nodes: HashMap<String, Other>,
    read: Option<Instant>,
    reading: bool,
}

struct Other {
    lease: NodeLease,
    /// When the first table did not have it.
    missing: Option<Instant>,
}

/// Where a request goes.
struct Owner {
    url: String,
    /// The last table has it.
    listed: bool,
}

impl Table {
    fn update(&mut self, leases: Vec<NodeLease>, now: Instant) {
        for other in self.nodes.values_mut() {
            other.missing.get_or_insert(now);
        }
        for lease in leases {
            self.nodes.insert(lease.node.clone(), Other { lease, missing: None });
        }
        self.nodes.retain(|_, other| other.missing.is_none_or(|since| now - since < MISSING_MAX));
        self.read = Some(now);
    }

    fn find(&self, id: &SocketId) -> Option<Owner> {
        let other = self.nodes.get(id.node()).filter(|other| other.lease.boot == id.boot())?;
        Some(Owner { url: other.lease.internal_url.clone(), listed: other.missing.is_none() })
    }

    /// Finds a node; and whether the table is old, and to be read by whoever asked.
    fn look_up(&mut self, id: &SocketId) -> Option<(Owner, bool)> {
        let owner = self.find(id)?;
        let due = !self.reading && self.read.is_none_or(|read| read.elapsed() > TABLE_AGE_MAX);
        self.reading |= due;
        Some((owner, due))
    }
}

impl Default for Forwarder {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), table: Mutex::default() }
    }
}

impl Forwarder {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Held for one operation, never across an await.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    let Some((owner, due)) = node.forwarder.table().look_up(&id) else {
        // However young the table is, the socket may be younger.
        let read = read_table(node).await;
        let owner = node.forwarder.table().find(&id);
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
    let mut table = node.forwarder.table();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(node: &str, boot: u64) -> NodeLease {
        NodeLease {
            node: node.to_owned(),
            boot,
            address: String::new(),
            label_hosts: false,
            internal_url: format!("http://{node}:{boot}"),
            sessions: 0,
            capacity: 1,
            cpu_permille: 0,
            buffered_bytes: 0,
            draining: false,
            version: String::new(),
            renewals: 1,
            opened: 0,
        }
    }

    fn found(table: &Table, node: &str, boot: u64) -> Option<(String, bool)> {
        let id = SocketId::issue(node, boot, 7, |_| [0; 8]);
        table.find(&id).map(|owner| (owner.url, owner.listed))
    }

    #[test]
    fn a_node_outlives_the_registrys_memory_of_it_for_a_while() {
        let (mut table, start) = (Table::default(), Instant::now());
        table.update(vec![lease("a", 1), lease("b", 1)], start);
        assert_eq!(found(&table, "a", 1), Some(("http://a:1".into(), true)));
        assert_eq!(found(&table, "a", 2), None, "of another incarnation");

        table.update(vec![lease("b", 2)], start + MISSING_MAX);
        assert_eq!(found(&table, "a", 1), Some(("http://a:1".into(), false)));
        assert_eq!(
            (found(&table, "b", 1), found(&table, "b", 2).is_some()),
            (None, true),
            "b came back as another"
        );
        table.update(vec![lease("a", 1)], start + MISSING_MAX * 2 - Duration::from_millis(1));
        assert_eq!(found(&table, "a", 1), Some(("http://a:1".into(), true)));

        table.update(Vec::new(), start + MISSING_MAX * 3);
        table.update(Vec::new(), start + MISSING_MAX * 4);
        assert_eq!((found(&table, "a", 1), found(&table, "b", 2)), (None, None));
    }
}
