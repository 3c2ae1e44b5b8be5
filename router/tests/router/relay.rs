//! A relay that does as it is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use polysocket_protocol::SocketId;
use polysocket_registry::{Asks, Establish, Message, NodeLease, Outcome, Registry, Replier};
use polysocket_service::cluster::ClusterKey;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::bed::{cluster_key, time_passes};

/// What it does with what it is asked.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    /// Opens a socket, the same for the same request.
    Open,
    /// Fails with this word.
    Fail(&'static str),
    /// Says nothing, and keeps what it was asked until it is told to open it.
    Wait,
}

/// What it heard.
#[derive(Debug)]
pub enum Heard {
    Asked(Establish),
    Cancelled(String),
}

pub struct Relay {
    pub boot: u64,
    heard: mpsc::UnboundedReceiver<Heard>,
    told: mpsc::UnboundedSender<Does>,
    tasks: Vec<AbortHandle>,
}

/// What a relay says of itself.
pub fn lease(node: &str, boot: u64) -> NodeLease {
    NodeLease {
        node: node.to_owned(),
        boot,
        address: format!("{node}.example:81"),
        label_hosts: true,
        internal_url: "http://10.0.0.7:8081".to_owned(),
        sessions: 0,
        capacity: 1000,
        cpu_permille: 0,
        buffered_bytes: 0,
        draining: false,
        version: "0.1.0".to_owned(),
        renewals: 1,
        opened: 0,
    }
}

impl Relay {
    /// One that is announced, until it is dropped.
    pub async fn start(registry: &Arc<dyn Registry>, node: &str, does: Does) -> Self {
        Self::with(registry, lease(node, 1), does).await
    }

    /// One that is announced with this lease.
    pub async fn with(registry: &Arc<dyn Registry>, lease: NodeLease, does: Does) -> Self {
        let asks = registry.serve(&lease.node, lease.boot).await.unwrap();
        registry.announce(&lease).await.unwrap();
        let boot = lease.boot;
        let (sender, heard) = mpsc::unbounded_channel();
        let (told, orders) = mpsc::unbounded_channel();
        let serving =
            Serving { lease: lease.clone(), key: cluster_key(), does, heard: sender, opened: HashMap::new() };
        let tasks = vec![
            tokio::spawn(serving.run(asks, orders)).abort_handle(),
            tokio::spawn(renew(registry.clone(), lease)).abort_handle(),
        ];
        Self { boot, heard, told, tasks }
    }

    /// One that has a lease, and whose process is gone.
    pub async fn ghost(registry: &Arc<dyn Registry>, node: &str) {
        registry.announce(&lease(node, 1)).await.unwrap();
    }

    /// What it does from now on, also with what it kept.
    pub fn tell(&self, does: Does) {
        self.told.send(does).unwrap();
    }

    /// What it hears next.
    pub async fn hears(&mut self) -> Heard {
        tokio::time::timeout(Duration::from_secs(20), self.heard.recv()).await.unwrap().unwrap()
    }

    /// What it is asked next.
    pub async fn asked(&mut self) -> Establish {
        match self.hears().await {
            Heard::Asked(establish) => establish,
            Heard::Cancelled(_) => panic!("a cancel"),
        }
    }

    /// Whether there is nothing that it heard and that was not looked at.
    pub fn heard_nothing(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn renew(registry: Arc<dyn Registry>, mut lease: NodeLease) {
    loop {
        time_passes(Duration::from_secs(1)).await;
        lease.renewals += 1;
        // The registry may be away, in some tests.
        let _ = registry.announce(&lease).await;
    }
}

struct Serving {
    lease: NodeLease,
    key: ClusterKey,
    does: Does,
    heard: mpsc::UnboundedSender<Heard>,
    /// Sockets by request.
    opened: HashMap<String, Outcome>,
}

impl Serving {
    async fn run(mut self, mut asks: Asks, mut orders: mpsc::UnboundedReceiver<Does>) {
        let mut kept = Vec::new();
        loop {
            let message = tokio::select! {
                message = asks.next() => message,
                order = orders.recv() => {
                    let Some(does) = order else { return };
                    self.does = does;
                    for (establish, replier) in kept.drain(..) {
                        self.answer(&establish, replier).await;
                    }
                    continue;
                }
            };
            match message {
                Some(Message::Establish(establish, replier)) => {
                    let _ = self.heard.send(Heard::Asked((*establish).clone()));
                    if matches!(self.does, Does::Wait) {
                        kept.push((*establish, replier));
                    } else {
                        self.answer(&establish, replier).await;
                    }
                }
                Some(Message::Cancel(id)) => {
                    let _ = self.heard.send(Heard::Cancelled(id));
                }
                None => return,
            }
        }
    }

    async fn answer(&mut self, establish: &Establish, replier: Replier) {
        let number = self.opened.len() as u128 + 1;
        let outcome = match self.does {
            Does::Fail(word) => {
                Outcome::Failed { word: word.to_owned(), detail: "as it was told".to_owned() }
            }
            Does::Open | Does::Wait => {
                let id =
                    SocketId::issue(&self.lease.node, self.lease.boot, number, |bytes| self.key.sign(bytes));
                let opened = Outcome::Opened {
                    socket: id.to_string(),
                    label: if self.lease.label_hosts { format!("label{number}") } else { String::new() },
                    protocol: establish.protocols.first().cloned().unwrap_or_default(),
                    extensions: String::new(),
                    serial: 1,
                };
                self.opened.entry(establish.request_id.clone()).or_insert(opened).clone()
            }
        };
        replier.reply(outcome).await;
    }
}
