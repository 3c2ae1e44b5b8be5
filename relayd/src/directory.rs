//! Other nodes: where they are, as the registry's tables say, and connections to them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use polysocket_protocol::SocketId;
use polysocket_registry::NodeLease;
use tokio::time::Instant;

/// How old the table of nodes may get before it is read again.
const TABLE_AGE_MAX: Duration = Duration::from_millis(500);
/// How long a node is still tried that a table does not have any more: it may be the registry that lost its data, and
/// the node says so again within a second or two. One that is really gone refuses the connection.
const MISSING_MAX: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(2);

/// The body of a request that is passed on.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// Other nodes.
pub(crate) struct Directory {
    /// Connections to them.
    pub(crate) client: Client<HttpConnector, Outgoing>,
    table: Mutex<Table>,
}

/// Where other nodes are, from the registry's tables.
#[derive(Default)]
pub(crate) struct Table {
    nodes: HashMap<String, Other>,
    read: Option<Instant>,
    /// Somebody reads it now.
    pub(crate) reading: bool,
}

struct Other {
    lease: NodeLease,
    /// When the first table did not have it.
    missing: Option<Instant>,
}

/// Where a request goes.
pub(crate) struct Owner {
    pub(crate) url: String,
    /// The last table has it.
    pub(crate) listed: bool,
}

impl Table {
    pub(crate) fn update(&mut self, leases: Vec<NodeLease>, now: Instant) {
        for other in self.nodes.values_mut() {
            other.missing.get_or_insert(now);
        }
        for lease in leases {
            self.nodes.insert(lease.node.clone(), Other { lease, missing: None });
        }
        self.nodes.retain(|_, other| other.missing.is_none_or(|since| now - since < MISSING_MAX));
        self.read = Some(now);
    }

    pub(crate) fn find(&self, id: &SocketId) -> Option<Owner> {
        let other = self.nodes.get(id.node()).filter(|other| other.lease.boot == id.boot())?;
        Some(Owner { url: other.lease.internal_url.clone(), listed: other.missing.is_none() })
    }

    /// Finds a node; and whether the table is old, and to be read by whoever asked.
    pub(crate) fn look_up(&mut self, id: &SocketId) -> Option<(Owner, bool)> {
        let owner = self.find(id)?;
        let due = !self.reading && self.read.is_none_or(|read| read.elapsed() > TABLE_AGE_MAX);
        self.reading |= due;
        Some((owner, due))
    }
}

impl Default for Directory {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), table: Mutex::default() }
    }
}

impl Directory {
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        // Held for one operation, never across an await.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
