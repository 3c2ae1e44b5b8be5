//! Sessions that echo all the time, with every message judged at both ends, while something happens to the cluster.
//!
//! What a page sends comes back from the target. A message that is lost, doubled, altered or out of order on either way
//! shows at the page, and one on the way up shows at the target too.

use std::sync::Arc;
use std::time::Duration;

use polysocket_tests::client::{Close, Create, Event, HttpClient, Session, Settings, Transport};
use polysocket_tests::history::{History, Side};
use polysocket_tests::upstream::{Seen, Upstream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout};

/// A session sends this often, up to so many messages that are not back yet: 300 per second at most, so that it is the
/// cluster that is tested and not how fast the machine can go.
const SEND_EVERY: Duration = Duration::from_millis(20);
const UNDER_WAY_MAX: u64 = 6;
/// Without a message for so long a session is stuck. More than a retry of the client, less than its patience.
pub const STUCK_AFTER: Duration = Duration::from_secs(15);
/// A client that asks soon whether its relay is alive, and often.
const ASK_ALIVE_AFTER: Duration = Duration::from_millis(500);
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// What a session has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Messages that came back.
    pub received: u64,
    /// Messages that the relay has confirmed.
    pub accepted: u64,
}

/// How a session ended.
#[derive(Debug)]
pub struct Ended {
    pub close: Close,
    pub at: Instant,
    pub progress: Progress,
    /// Requests that failed: a page that noticed nothing has none.
    pub failures: u64,
    path: String,
    seed: u64,
}

/// One session under load.
pub struct Loaded {
    /// The node in its id.
    pub node: String,
    pub transport: Transport,
    session: Arc<Session>,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Ended, String>>,
}

/// The name of the node in a socket id.
pub fn node_of(socket: &str) -> String {
    socket.split_once('.').map_or(socket, |(node, _)| node).to_owned()
}

impl Loaded {
    /// Creates a socket and begins to send. `seed` tells the messages.
    pub async fn start(
        http: &HttpClient,
        wish: Create,
        upstream: &Upstream,
        transport: Transport,
        seed: u64,
    ) -> Result<Self, String> {
        let path = format!("/echo?r={:032x}", rand::random::<u128>());
        let wish = Create { target: upstream.url(&path), ..wish };
        let settings = Settings {
            ask_alive_after: ASK_ALIVE_AFTER,
            backoff: BACKOFF,
            ttl: Duration::from_secs(5),
            // A page in an old engine has less; here long messages by script must not take the time of the test.
            url_bytes: 8000,
            seed,
            ..Settings::on(transport)
        };
        let session =
            Session::open(http, &wish, settings).await.map_err(|e| format!("{transport:?}: {e}"))?;
        let node = node_of(&session.created().socket);
        let session = Arc::new(session);
        let (told, progress) = watch::channel(Progress::default());
        let (stop, stopped) = watch::channel(false);
        let exchanged = session.clone();
        let task = tokio::spawn(async move { exchange(exchanged, path, seed, &told, stopped).await });
        Ok(Self { node, transport, session, progress, stop, task })
    }

    /// Messages that came back so far.
    pub fn received(&self) -> u64 {
        self.progress.borrow().received
    }

    /// Waits until so many messages have come back.
    pub async fn reach(&mut self, goal: u64) -> Result<(), String> {
        let reached = timeout(STUCK_AFTER, self.progress.wait_for(|now| now.received >= goal)).await;
        // Without the guard of the value.
        let why = match reached.map(|reached| reached.map(drop)) {
            Ok(Ok(())) => return Ok(()),
            // The session has told its last, and is about to say why.
            Ok(Err(_)) => format!("{:?}", timeout(STUCK_AFTER, &mut self.task).await),
            Err(_) => format!("stuck: {}", self.session.describe()),
        };
        let (transport, node, progress) = (self.transport, &self.node, *self.progress.borrow());
        Err(format!("{transport:?} on {node}: {progress:?} instead of {goal}: {why}"))
    }

    /// Waits for its end, whoever brings it.
    pub async fn ended(self) -> Result<Ended, String> {
        let (node, transport) = (self.node, self.transport);
        let ended = timeout(STUCK_AFTER * 2, self.task).await;
        let ended = ended.map_err(|_| format!("{transport:?} on {node} does not end"))?;
        ended.map_err(|e| e.to_string())?.map_err(|e| format!("{transport:?} on {node}: {e}"))
    }

    /// Has the page close it when all is back, and judges both ends. Nobody may have noticed anything.
    pub async fn finish(self, upstream: &Upstream) -> Result<Ended, String> {
        // The session may have ended by itself; then its close says so.
        let _ = self.stop.send(true);
        let told = format!("{:?} on {}", self.transport, self.node);
        let ended = self.ended().await?;
        if (ended.close.code, &*ended.close.reason) != (3000, "done") || ended.failures > 0 {
            return Err(format!("{told}: the page noticed something: {ended:?}"));
        }
        let received = ended.judge(upstream).await?;
        if received != ended.progress.received {
            return Err(format!("{told}: the target has {received} messages: {ended:?}"));
        }
        Ok(ended)
    }
}

impl Ended {
    /// How many messages the target has; they must be the first ones, once each, in order.
    pub async fn judge(&self, upstream: &Upstream) -> Result<u64, String> {
        let seen = self.seen(upstream).await;
        let mut history = History::new(self.seed, Side::Page);
        for message in &seen.messages {
            history.receive(message).map_err(|divergence| format!("at the target: {divergence}"))?;
        }
        match seen.violation {
            Some(violation) => Err(format!("the relay breaks RFC 6455: {violation}")),
            None => Ok(history.received()),
        }
    }

    /// What the target has seen when the connection is over.
    pub async fn seen(&self, upstream: &Upstream) -> Seen {
        let what = format!("the end of {}", self.path);
        upstream.expect(&what, STUCK_AFTER, |seen| seen.ended && seen.head.target() == self.path).await
    }
}

/// Sends, receives and judges until the session ends.
async fn exchange(
    session: Arc<Session>,
    path: String,
    seed: u64,
    told: &watch::Sender<Progress>,
    mut stopped: watch::Receiver<bool>,
) -> Result<Ended, String> {
    let (mut history, mut sent, mut closing) = (History::new(seed, Side::Page), 0, false);
    let (mut ticks, mut due) = (interval(SEND_EVERY), false);
    // Sent when the relay has confirmed all before it: what is counted as accepted is the last such number.
    let (mut flushing, mut flush_goal) = (None::<JoinHandle<bool>>, 0);
    let close = loop {
        let stopping = *stopped.borrow_and_update();
        let back = history.received();
        let may_send = due && !stopping && flushing.is_none();
        due = false;
        while may_send && sent - back < UNDER_WAY_MAX {
            session.send(history.send());
            sent += 1;
        }
        if flushing.is_none() && flush_goal < sent {
            let session = session.clone();
            (flush_goal, flushing) = (sent, Some(tokio::spawn(async move { session.flushed().await })));
        }
        if stopping && back == sent && !closing {
            closing = true;
            session.close(Some(3000), "done");
        }
        let flushed = async {
            match &mut flushing {
                Some(task) => task.await.unwrap_or(false),
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            flushed = flushed => {
                flushing = None;
                if flushed {
                    told.send_modify(|progress| progress.accepted = flush_goal);
                }
                continue;
            }
            _ = ticks.tick() => {
                due = true;
                continue;
            }
            changed = stopped.changed(), if !stopping => {
                if changed.is_err() {
                    return Err("the test has dropped the session".into());
                }
                continue;
            }
            event = session.recv() => event,
        };
        match event {
            Some(Event::Open { .. }) => {}
            Some(Event::Message(message)) => {
                history.receive(&message).map_err(|d| format!("at the page: {d}; {}", session.describe()))?;
                told.send_modify(|progress| progress.received = history.received());
            }
            Some(Event::Close(close)) => break close,
            Some(Event::Violation(violation)) => return Err(format!("{violation}; {}", session.describe())),
            None => return Err(format!("no close: {}", session.describe())),
        }
    };
    let at = Instant::now();
    if let Some(task) = flushing
        && task.await.unwrap_or(false)
    {
        told.send_modify(|progress| progress.accepted = flush_goal);
    }
    session.finished().await;
    let progress = *told.borrow();
    Ok(Ended { close, at, progress, failures: session.statistics().failures, path, seed })
}
