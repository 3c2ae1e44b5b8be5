//! Opening the sessions that routers ask for: each request once, however often it is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::HeaderValue;
use polysocket_outbound::Target;
use polysocket_protocol::{SocketId, Word};
use polysocket_registry::{Asks, Establish, Message, Outcome, Replier};
use polysocket_session::Session;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::node::Node;
use crate::sessions::{Cell, DialLater, Driver, Facts};
use crate::upstream::{self, Dial, Failure};

/// After serving failed: until it is tried again.
const SERVE_AGAIN: Duration = Duration::from_secs(1);
/// How long the dialling of a held target may take.
const HELD_DIAL: Duration = Duration::from_secs(5);
/// Time kept for the answer to travel, ms.
const ANSWER_MS_MAX: u64 = 300;

/// Starts taking what routers ask. The receiver hears when it does: not before may the node be announced.
pub(crate) fn start(node: &Arc<Node>) -> oneshot::Receiver<()> {
    let node = node.clone();
    let (serving, served) = oneshot::channel();
    let mut serving = Some(serving);
    node.life.clone().spawn(async move {
        loop {
            match node.registry.serve(&node.config.name, node.boot).await {
                Ok(asks) => {
                    let _ = serving.take().map(|serving| serving.send(()));
                    take(&node, asks).await;
                }
                Err(error) => tracing::error!(%error, "cannot take what routers ask"),
            }
            tokio::select! {
                () = sleep(SERVE_AGAIN) => {}
                () = node.life.stopping() => return,
            }
        }
    });
    served
}

async fn take(node: &Arc<Node>, mut asks: Asks) {
    loop {
        let message = tokio::select! {
            message = asks.next() => message,
            () = node.life.stopping() => None,
        };
        match message {
            Some(Message::Establish(establish, replier)) => {
                let node = node.clone();
                node.life.clone().spawn(async move { answer(&node, *establish, replier).await });
            }
            Some(Message::Cancel(request_id)) => cancel(node, &request_id),
            None => return,
        }
    }
}

/// Nobody waits for this socket any more: it is given up, unless a page has it already.
fn cancel(node: &Node, request_id: &str) {
    if let Some((_, Some(cell))) = node.requests.forget(request_id) {
        cell.with(Session::abandon_unclaimed);
    }
}

async fn answer(node: &Arc<Node>, establish: Establish, replier: Replier) {
    let request_id = establish.request_id.clone();
    let (answered, first) = node.requests.enter(&request_id);
    if let Some(sender) = first {
        let opening = node.clone();
        // Apart from its asker: another may ask for the same, and it is cancelled by name.
        node.life.clone().spawn(async move {
            let waiting = sender.clone();
            tokio::select! {
                opened = open(&opening, establish) => drop(sender.send(Some(opened))),
                () = waiting.closed() => {}
            }
        });
    }
    let mut waiting = answered.clone();
    let outcome = tokio::select! {
        found = waiting.wait_for(Option::is_some) => found.ok().and_then(|found| found.clone()),
        () = replier.cancelled() => None,
    };
    let Some((outcome, cell)) = outcome else { return };
    if matches!(outcome, Outcome::Failed { .. }) {
        // A later try may do better.
        node.requests.forget(&request_id);
    }
    if !replier.reply(outcome).await
        && let Some(cell) = cell
    {
        tracing::debug!(connection = cell.facts.connection, "nobody waits for this socket");
        node.requests.forget(&request_id);
        cell.with(Session::abandon_unclaimed);
    }
}

/// Opens one, or says why not.
async fn open(node: &Arc<Node>, establish: Establish) -> (Outcome, Option<Arc<Cell>>) {
    match try_open(node, establish).await {
        Ok((outcome, cell)) => {
            node.metrics.opened.inc();
            (outcome, Some(cell))
        }
        Err(Failure { word, detail }) => {
            node.metrics.not_opened.with_label_values(&[word.as_str()]).inc();
            tracing::info!(word = word.as_str(), %detail, "not opened");
            (Outcome::Failed { word: word.as_str().to_owned(), detail }, None)
        }
    }
}

async fn try_open(node: &Arc<Node>, establish: Establish) -> Result<(Outcome, Arc<Cell>), Failure> {
    let failure = |word, detail: String| Failure { word, detail };
    if node.life.is_draining() {
        return Err(failure(Word::NoCapacity, "this node is draining".into()));
    }
    if node.table.len() >= node.config.sessions_max as usize {
        return Err(failure(Word::NoCapacity, "this node holds relayd.sessions_max sessions".into()));
    }
    let target =
        Target::parse(&establish.target).map_err(|error| failure(error.word(), error.to_string()))?;
    node.dialer.policy().check(&target).map_err(|refused| failure(refused.word(), refused.to_string()))?;
    let dial = Dial {
        target,
        protocols: establish.protocols.clone(),
        origin: establish.origin.clone(),
        message_bytes_max: node.limits.message_bytes_max,
    };
    let mut session = Session::new(node.clock.now(), node.limits.clone(), establish.hold);
    let (upstream, protocol, later) = if establish.hold {
        (None, String::new(), Some(later(node.clone(), dial)))
    } else {
        let deadline = Instant::now() + dial_time(establish.budget_ms);
        // Boxed: its size would stay with every ask that waits.
        let opened = Box::pin(upstream::open(&node.dialer, &dial, deadline)).await?;
        session.upstream_open(&opened.protocol, "");
        (Some(opened.socket), opened.protocol, None)
    };
    let id = issue(node)?;
    let facts = Facts {
        connection: connection_id(&id),
        page_origin: establish.page_origin.and_then(|origin| HeaderValue::from_str(&origin).ok()),
        budget: establish.bytes_per_second_max.map(|rate| node.budgets.of(&establish.holder, rate)),
        lease: establish.socket_lease,
    };
    let cell = Cell::new(session, facts, node.clock);
    tracing::debug!(connection = cell.facts.connection, hold = establish.hold, "opened");
    run(node, id.key(), cell.clone(), upstream, later);
    // After it is in the table: a lease that counts it here has it among its sessions.
    let serial = node.opened.fetch_add(1, Ordering::Relaxed) + 1;
    let label = if node.label_hosts { label(&id) } else { String::new() };
    Ok((Outcome::Opened { socket: id.to_string(), label, protocol, extensions: String::new(), serial }, cell))
}

/// What dialling may take of the asker's time: enough is left to say that it was not enough.
fn dial_time(budget_ms: u64) -> Duration {
    Duration::from_millis(budget_ms - (budget_ms / 10).min(ANSWER_MS_MAX))
}

fn later(node: Arc<Node>, dial: Dial) -> DialLater {
    Box::new(move || {
        Box::pin(async move { upstream::open(&node.dialer, &dial, Instant::now() + HELD_DIAL).await })
    })
}

/// Puts the session into the table and drives it until it is over.
fn run(
    node: &Arc<Node>,
    key: u128,
    cell: Arc<Cell>,
    upstream: Option<upstream::Socket>,
    later: Option<DialLater>,
) {
    node.table.insert(key, cell.clone());
    node.metrics.sessions.inc();
    let ping_every = node.config.ping_every.as_duration();
    let driver = Driver::new(cell.clone(), upstream, later, ping_every, node.metrics.clone());
    let node = node.clone();
    node.life.clone().spawn(async move {
        driver.run().await;
        node.table.remove(key);
        node.metrics.sessions.dec();
        let told = cell.with(|session, _| session.told());
        let class = told.map_or(crate::metrics::FORGOTTEN, crate::metrics::end_class);
        node.metrics.ended.with_label_values(&[class]).inc();
        tracing::debug!(connection = cell.facts.connection, code = class, "ended");
        if let Some(lease) = &cell.facts.lease {
            // When the queue is full it expires by itself.
            let _ = node.releases.try_send(lease.clone());
        }
    });
}

fn issue(node: &Node) -> Result<SocketId, Failure> {
    let mut key = [0u8; 16];
    getrandom::fill(&mut key)
        .map_err(|error| Failure { word: Word::NoCapacity, detail: format!("no randomness: {error}") })?;
    Ok(SocketId::issue(&node.config.name, node.boot, u128::from_be_bytes(key), |bytes| node.key.sign(bytes)))
}

/// For logs: from the MAC, which says nothing about the key.
fn connection_id(id: &SocketId) -> u64 {
    u64::from_be_bytes(*id.mac())
}

/// A label that is fresh for this socket, 40 bits in base32: from the MAC, as DNS names are not secret.
fn label(id: &SocketId) -> String {
    let bits = connection_id(id);
    bits.to_be_bytes()
        .map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte & 31)]))
        .iter()
        .collect()
}
