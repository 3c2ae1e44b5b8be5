//! What each holder of a token has.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::SWEEP_EVERY;
use crate::limits::{HOLDERS_MAX, LEASES_PER_HOLDER_MAX};
use crate::rate::{NEVER_MS, Rate};
use crate::{Admission, RegistryError, SocketLease, Verdict};

pub(super) struct Holders {
    by_name: HashMap<String, Holder>,
    /// Zero of the axis on which `Holder::due` lies.
    epoch: Instant,
    sweep_at: Instant,
}

#[derive(Default)]
struct Holder {
    /// Expiry by id of the lease.
    leases: HashMap<String, Instant>,
    /// State of the rate, see [`Rate::take`].
    due: Duration,
}

impl Holders {
    pub fn new(now: Instant) -> Self {
        Self { by_name: HashMap::new(), epoch: now, sweep_at: now }
    }

    pub fn admit(
        &mut self,
        admission: &Admission,
        now: Instant,
        lease_time: Duration,
    ) -> Result<Verdict, RegistryError> {
        let passed = now - self.epoch;
        let SocketLease { holder, id } = &admission.lease;
        let holder = self.holder(holder, now)?;
        holder.leases.retain(|_, expires| *expires > now);
        if let Some(expires) = holder.leases.get_mut(id) {
            *expires = now + lease_time;
            return Ok(Verdict::Admitted);
        }
        if admission.sockets_max.is_some_and(|max| holder.leases.len() >= max as usize) {
            return Ok(Verdict::TooManySockets);
        }
        holder.room_for_one()?;
        if let Some(per_second) = admission.creates_per_second {
            let Some(rate) = Rate::per_second(per_second) else {
                return Ok(Verdict::TooManyCreates { retry_after_ms: NEVER_MS });
            };
            match rate.take(holder.due, passed) {
                Ok(due) => holder.due = due,
                Err(wait) => {
                    let retry_after_ms = u64::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
                    return Ok(Verdict::TooManyCreates { retry_after_ms });
                }
            }
        }
        holder.leases.insert(id.clone(), now + lease_time);
        Ok(Verdict::Admitted)
    }

    pub fn renew(&mut self, lease: &SocketLease, now: Instant, until: Instant) -> Result<(), RegistryError> {
        let holder = self.holder(&lease.holder, now)?;
        if !holder.leases.contains_key(&lease.id) {
            holder.room_for_one()?;
        }
        holder.leases.insert(lease.id.clone(), until);
        Ok(())
    }

    pub fn release(&mut self, lease: &SocketLease) {
        if let Some(holder) = self.by_name.get_mut(&lease.holder) {
            holder.leases.remove(&lease.id);
        }
    }

    fn holder(&mut self, name: &str, now: Instant) -> Result<&mut Holder, RegistryError> {
        let known = self.by_name.contains_key(name);
        if now >= self.sweep_at || (!known && self.by_name.len() >= HOLDERS_MAX) {
            self.sweep(now);
        }
        if !known && self.by_name.len() >= HOLDERS_MAX {
            return Err(RegistryError::Full { what: "holders of tokens", max: HOLDERS_MAX });
        }
        Ok(self.by_name.entry(name.to_owned()).or_default())
    }

    /// Forgets holders that have nothing and are not early.
    fn sweep(&mut self, now: Instant) {
        self.sweep_at = now + SWEEP_EVERY;
        let passed = now - self.epoch;
        self.by_name.retain(|_, holder| {
            holder.leases.retain(|_, expires| *expires > now);
            !holder.leases.is_empty() || holder.due > passed
        });
    }
}

impl Holder {
    fn room_for_one(&self) -> Result<(), RegistryError> {
        if self.leases.len() >= LEASES_PER_HOLDER_MAX {
            return Err(RegistryError::Full { what: "sockets of one token", max: LEASES_PER_HOLDER_MAX });
        }
        Ok(())
    }
}
