//! The sessions of this node, by the secret part of their ids.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::Notify;

use super::Cell;

/// Who is here.
#[derive(Debug, Default)]
pub(crate) struct Table {
    cells: DashMap<u128, Arc<Cell>>,
    emptied: Notify,
}

impl Table {
    pub(crate) fn insert(&self, key: u128, cell: Arc<Cell>) {
        self.cells.insert(key, cell);
    }

    pub(crate) fn get(&self, key: u128) -> Option<Arc<Cell>> {
        self.cells.get(&key).map(|cell| cell.clone())
    }

    pub(crate) fn remove(&self, key: u128) {
        self.cells.remove(&key);
        if self.cells.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// All of them now. Cloned, so that no shard is locked while they are looked at.
    pub(crate) fn all(&self) -> Vec<Arc<Cell>> {
        self.cells.iter().map(|cell| cell.clone()).collect()
    }

    /// Until there is none.
    pub(crate) async fn emptied(&self) {
        loop {
            let notified = self.emptied.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.cells.is_empty() {
                return;
            }
            notified.await;
        }
    }
}
