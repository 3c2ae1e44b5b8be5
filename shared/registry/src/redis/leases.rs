//! Leases of nodes and sockets, and claims: one script each.

use std::collections::HashMap;
use std::time::Duration;

use super::RedisRegistry;
use super::scripts::{ADMIT, ANNOUNCE, CLAIM, NODES, RENEW, WITHDRAW};
use super::wire::encode;
use crate::limits::{self, LEASES_PER_COMMAND_MAX, NODES_MAX};
use crate::rate::{NEVER_MS, Rate};
use crate::{Admission, Claim, NodeLease, RegistryError, SocketLease, Verdict};

impl RedisRegistry {
    pub(super) async fn write_lease(&self, lease: &NodeLease) -> Result<(), RegistryError> {
        limits::check_node_lease(lease)?;
        let json = encode(lease)?;
        let mut script = ANNOUNCE.prepare_invoke();
        script.key(self.keys.leases()).key(self.keys.boots()).key(self.keys.expiries());
        script.arg(&lease.node).arg(boot_text(lease.boot)).arg(json).arg(self.lease_time_ms).arg(NODES_MAX);
        let said: String = self.connection.script(&script).await?;
        match &*said {
            "superseded" => Err(RegistryError::Superseded { node: lease.node.clone() }),
            "full" => Err(RegistryError::Full { what: "nodes", max: NODES_MAX }),
            _ => Ok(()),
        }
    }

    pub(super) async fn remove_lease(&self, node: &str, boot: u64) -> Result<(), RegistryError> {
        limits::check_node(node)?;
        let mut script = WITHDRAW.prepare_invoke();
        script.key(self.keys.leases()).key(self.keys.boots()).key(self.keys.expiries());
        script.arg(node).arg(boot_text(boot));
        self.connection.script(&script).await
    }

    pub(super) async fn read_leases(&self) -> Result<Vec<NodeLease>, RegistryError> {
        let mut script = NODES.prepare_invoke();
        script.key(self.keys.leases()).key(self.keys.expiries());
        let texts: Vec<Option<String>> = self.connection.script(&script).await?;
        let mut leases: Vec<NodeLease> = texts.iter().flatten().filter_map(|text| read_lease(text)).collect();
        leases.sort_unstable_by(|a, b| a.node.cmp(&b.node));
        Ok(leases)
    }

    pub(super) async fn write_claim(
        &self,
        nonce: &str,
        stale: Option<&Claim>,
        claim: &Claim,
        ttl: Duration,
    ) -> Result<Claim, RegistryError> {
        limits::check_claim(nonce, claim)?;
        let mut script = CLAIM.prepare_invoke();
        script.key(self.keys.claim(nonce));
        script.arg(&claim.node).arg(claim.boot).arg(&claim.request_id);
        // Zero would delete what was just written.
        script.arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
        match stale {
            Some(stale) => script.arg(&stale.node).arg(stale.boot).arg(&stale.request_id),
            None => script.arg("").arg("").arg(""),
        };
        let (node, boot, request_id) = self.connection.script(&script).await?;
        Ok(Claim { node, boot, request_id })
    }

    pub(super) async fn judge(&self, admission: &Admission) -> Result<Verdict, RegistryError> {
        limits::check_admission(admission)?;
        let SocketLease { holder, id } = &admission.lease;
        let mut script = ADMIT.prepare_invoke();
        script.key(self.keys.sockets(holder)).key(self.keys.creates(holder));
        script.arg(id).arg(self.socket_lease_time_ms);
        script.arg(admission.sockets_max.map_or(-1, i64::from));
        match admission.creates_per_second.map(Rate::per_second) {
            None => script.arg(0).arg(0),
            Some(None) => script.arg(-1).arg(NEVER_MS),
            Some(Some(rate)) => script.arg(micros(rate.interval)).arg(micros(rate.tolerance)),
        };
        Ok(match self.connection.script(&script).await? {
            0 => Verdict::Admitted,
            -1 => Verdict::TooManySockets,
            ms => Verdict::TooManyCreates { retry_after_ms: u64::try_from(ms).unwrap_or(NEVER_MS) },
        })
    }

    pub(super) async fn renew_sockets(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        // A pipeline cannot load a script on demand; this one is 600 bytes per thousand leases.
        let begin = ::redis::pipe().load_script(&RENEW).ignore().clone();
        self.by_holder(leases, &begin, |pipeline, holder, ids| {
            let mut script = RENEW.prepare_invoke();
            script.key(self.keys.sockets(holder)).arg(self.socket_lease_time_ms).arg(ids);
            pipeline.invoke_script(&script).ignore();
        })
        .await
    }

    pub(super) async fn release_sockets(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        self.by_holder(leases, &::redis::pipe(), |pipeline, holder, ids| {
            pipeline.zrem(self.keys.sockets(holder), ids).ignore();
        })
        .await
    }

    /// One pipeline for each [`LEASES_PER_COMMAND_MAX`] leases, with one command for each holder in it.
    async fn by_holder(
        &self,
        leases: &[SocketLease],
        begin: &::redis::Pipeline,
        add: impl Fn(&mut ::redis::Pipeline, &str, &[&str]),
    ) -> Result<(), RegistryError> {
        leases.iter().try_for_each(limits::check_socket_lease)?;
        for leases in leases.chunks(LEASES_PER_COMMAND_MAX) {
            let mut holders: HashMap<&str, Vec<&str>> = HashMap::new();
            for lease in leases {
                holders.entry(&lease.holder).or_default().push(&lease.id);
            }
            let mut pipeline = begin.clone();
            for (holder, ids) in holders {
                add(&mut pipeline, holder, &ids);
            }
            let pipeline = &pipeline;
            self.connection
                .run(|mut connection| async move { pipeline.exec_async(&mut connection).await })
                .await?;
        }
        Ok(())
    }
}

/// As text that compares as the numbers do; Lua's numbers are exact up to 2^53 only.
fn boot_text(boot: u64) -> String {
    format!("{boot:020}")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// One lease that cannot be read (another release wrote it) must not hide the others.
fn read_lease(json: &str) -> Option<NodeLease> {
    serde_json::from_str(json)
        .inspect_err(|error| tracing::warn!(%error, "a node's lease in the registry cannot be read: ignored"))
        .ok()
}
