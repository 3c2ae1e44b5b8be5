//! Claims on nonces.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::SWEEP_EVERY;
use crate::limits::CLAIMS_MAX;
use crate::{Claim, RegistryError};

pub(super) struct Claims {
    claims: HashMap<String, (Claim, Instant)>,
    sweep_at: Instant,
}

impl Claims {
    pub fn new(now: Instant) -> Self {
        Self { claims: HashMap::new(), sweep_at: now }
    }

    pub fn claim(
        &mut self,
        nonce: &str,
        stale: Option<&Claim>,
        claim: &Claim,
        now: Instant,
        ttl: Duration,
    ) -> Result<Claim, RegistryError> {
        if now >= self.sweep_at || self.claims.len() >= CLAIMS_MAX {
            self.sweep_at = now + SWEEP_EVERY;
            self.claims.retain(|_, (_, expires)| *expires > now);
        }
        match self.claims.get(nonce) {
            Some((standing, expires)) if *expires > now && Some(standing) != stale => {
                return Ok(standing.clone());
            }
            None if self.claims.len() >= CLAIMS_MAX => {
                return Err(RegistryError::Full { what: "claims", max: CLAIMS_MAX });
            }
            _ => (),
        }
        self.claims.insert(nonce.to_owned(), (claim.clone(), now + ttl));
        Ok(claim.clone())
    }
}
