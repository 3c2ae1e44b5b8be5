//! Leases of nodes.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::limits::NODES_MAX;
use crate::{NodeLease, RegistryError};

/// By name of the node. Never more than [`NODES_MAX`], so walking all of them is cheap.
#[derive(Default)]
pub(super) struct Leases(BTreeMap<String, (NodeLease, Instant)>);

impl Leases {
    pub fn announce(&mut self, lease: &NodeLease, now: Instant, until: Instant) -> Result<(), RegistryError> {
        self.0.retain(|_, (_, expires)| *expires > now);
        match self.0.get(&lease.node) {
            Some((standing, _)) if standing.boot > lease.boot => {
                return Err(RegistryError::Superseded { node: lease.node.clone() });
            }
            None if self.0.len() >= NODES_MAX => {
                return Err(RegistryError::Full { what: "nodes", max: NODES_MAX });
            }
            _ => (),
        }
        self.0.insert(lease.node.clone(), (lease.clone(), until));
        Ok(())
    }

    pub fn withdraw(&mut self, node: &str, boot: u64) {
        if self.0.get(node).is_some_and(|(standing, _)| standing.boot == boot) {
            self.0.remove(node);
        }
    }

    pub fn live(&self, now: Instant) -> Vec<NodeLease> {
        self.0.values().filter(|(_, expires)| *expires > now).map(|(lease, _)| lease.clone()).collect()
    }
}
