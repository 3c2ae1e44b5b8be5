//! Which node does what only one shall do.

use std::sync::atomic::{AtomicBool, Ordering};

/// A session-level advisory lock, asked for on the connection that listens: PostgreSQL frees it with the connection, and
/// another node has it with its next heartbeat.
pub const TRY: &str = "pg_try_advisory_lock(hashtextextended('polysocket lead', 0))";

/// Whether this node leads, among all nodes at the database that contend.
#[derive(Debug)]
pub struct Lead {
    contends: bool,
    leads: AtomicBool,
}

impl Lead {
    pub fn new(contends: bool) -> Self {
        Self { contends, leads: AtomicBool::new(false) }
    }

    /// It has to ask for the lock.
    pub fn is_wanted(&self) -> bool {
        self.contends && !self.is_held()
    }

    pub fn is_held(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }

    pub fn set(&self, leads: bool) {
        if self.leads.swap(leads, Ordering::Relaxed) != leads {
            tracing::info!(leads, "this node leads, or does not any more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_wanted_until_it_is_held() {
        let lead = Lead::new(true);
        assert!(lead.is_wanted() && !lead.is_held());
        lead.set(true);
        assert!(!lead.is_wanted() && lead.is_held());
        lead.set(false);
        assert!(lead.is_wanted());
        assert!(!Lead::new(false).is_wanted());
    }
}
