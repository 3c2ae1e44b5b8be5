//! Who publishes: one message after the other, each confirmed or not, and none of them twice.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use polysocket_tests::patience::PATIENCE;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::gockets::{Keys, Rest};
use crate::rocket::{CHANNEL, Client};
use crate::source::{Numbered, Source};

/// Between two messages of a source.
const PAUSE: Duration = Duration::from_millis(4);

/// What became of a message.
enum Outcome {
    Confirmed,
    /// Nobody can tell whether it was published.
    Unknown,
    /// There is no such channel any more.
    Gone,
}

/// Publishes by one protocol, on one node as long as that is there, then on the next.
enum Way {
    Rocket { nodes: Vec<SocketAddr>, at: usize, client: Option<Client> },
    Gockets { nodes: Vec<SocketAddr>, at: usize, keys: Keys, rest: Rest },
}

impl Way {
    async fn publish(&mut self, message: Numbered) -> Outcome {
        match self {
            Self::Rocket { nodes, at, client } => {
                if client.is_none() {
                    *client = Client::login(nodes[*at % nodes.len()]).await;
                }
                let Some(open) = client else {
                    *at += 1;
                    return Outcome::Unknown;
                };
                let data = message.to_string();
                let broadcast = json!({"broadcast": {"event": "e", "channel": CHANNEL, "data": data, "id": message.number}});
                match open.ask(&broadcast).await {
                    Ok(answer) if answer["broadcasted"] == CHANNEL => {
                        assert_eq!(answer["id"], message.number, "{answer}");
                        Outcome::Confirmed
                    }
                    // A Redis that comes back empty knows no channel until the nodes have told it of theirs.
                    Ok(answer) if answer["err"] == "UNAVAILABLE" || answer["err"] == "INVALID_CHANNEL" => {
                        Outcome::Unknown
                    }
                    Ok(answer) => panic!("to {broadcast}: {answer}"),
                    Err(_) => {
                        (*client, *at) = (None, *at + 1);
                        Outcome::Unknown
                    }
                }
            }
            Self::Gockets { nodes, at, keys, rest } => {
                match rest.publish(nodes[*at % nodes.len()], keys, message.to_string()).await {
                    Some(200) => Outcome::Confirmed,
                    Some(404) => Outcome::Gone,
                    Some(503) => Outcome::Unknown,
                    Some(status) => panic!("to {message}: {status}"),
                    None => {
                        *at += 1;
                        Outcome::Unknown
                    }
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Progress {
    /// The number of the last message that was tried.
    tried: u64,
    /// Those that were confirmed, in order.
    confirmed: Vec<u64>,
}

/// A source that publishes until it is told to stop.
pub struct Publisher {
    pub source: Source,
    progress: Arc<Mutex<Progress>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<bool>,
}

impl Publisher {
    pub fn rocket(source: char, nodes: Vec<SocketAddr>, at: usize) -> Self {
        Self::start(source, Way::Rocket { nodes, at, client: None })
    }

    pub fn gockets(source: char, nodes: Vec<SocketAddr>, at: usize, keys: Keys) -> Self {
        Self::start(source, Way::Gockets { nodes, at, keys, rest: Rest::new() })
    }

    fn start(source: char, mut way: Way) -> Self {
        let source = Source(source);
        let (stop, stopped) = watch::channel(false);
        let progress = Arc::<Mutex<Progress>>::default();
        let shared = progress.clone();
        let task = tokio::spawn(async move {
            for number in 1.. {
                let ending = *stopped.borrow();
                shared.lock().unwrap_or_else(PoisonError::into_inner).tried = number;
                match way.publish(Numbered { source, number }).await {
                    Outcome::Confirmed => {
                        shared.lock().unwrap_or_else(PoisonError::into_inner).confirmed.push(number);
                        // The last one is known to be there.
                        if ending {
                            break;
                        }
                    }
                    Outcome::Unknown => {}
                    Outcome::Gone => return false,
                }
                sleep(PAUSE).await;
            }
            true
        });
        Self { source, progress, stop, task }
    }

    /// A message that is published after so many others from now.
    pub fn after(&self, others: u64) -> Numbered {
        let tried = self.progress.lock().unwrap_or_else(PoisonError::into_inner).tried;
        Numbered { source: self.source, number: tried + 1 + others }
    }

    /// Ends with a message that is confirmed, or because the channel is gone; gives all numbers that were confirmed.
    pub async fn finish(self) -> Published {
        self.stop.send_replace(true);
        let ended = timeout(PATIENCE, self.task).await;
        let is_there =
            ended.unwrap_or_else(|_| panic!("{:?} has no message confirmed", self.source)).unwrap();
        let confirmed =
            std::mem::take(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner).confirmed);
        Published { source: self.source, confirmed, is_there }
    }
}

/// What a source has published.
#[derive(Debug)]
pub struct Published {
    pub source: Source,
    /// Numbers of messages that were confirmed.
    pub confirmed: Vec<u64>,
    /// The channel was there to the end.
    pub is_there: bool,
}

impl Published {
    /// The last one that was confirmed.
    pub fn last(&self) -> Numbered {
        Numbered { source: self.source, number: *self.confirmed.last().expect("one was confirmed") }
    }
}
