//! Judging tokens (P11): as they come, against known ones, or by asking the API.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polysocket_tokens::{Keyring, TokenError};
use serde_json::Value;

use super::{Blocked, Credential};
use crate::config::AuthMode;
use crate::upstream::{Ask, Reading, Resource, Upstream};
use crate::wire::{Code, Failure};

/// After `exp`: clocks differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// A token that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) credential: Credential,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

impl Session {
    /// From now.
    pub(crate) fn ends_in(&self) -> Duration {
        Duration::from_secs(self.expires).saturating_sub(now())
    }
}

/// Judges tokens.
pub(crate) struct Authority {
    pub(crate) mode: AuthMode,
    /// SHA-256 of each of `pogo.tokens`: of hashes nothing useful leaks, and all are of one length.
    pub(crate) known: Vec<[u8; 32]>,
    pub(crate) keyring: Option<Arc<Keyring>>,
    /// Whom the API is asked as, with `introspect`.
    pub(crate) introspect: Option<Resource>,
    pub(crate) upstream: Upstream,
    pub(crate) lifetime: Duration,
    pub(crate) blocked: Arc<Blocked>,
}

pub(crate) fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

impl Authority {
    /// What the token is good for.
    pub(crate) async fn judge(&self, token: &str, origin: Option<&str>) -> Result<Session, Failure> {
        let refused = |why: &str| Failure::new(Code::Unauthorized, why);
        let credential = Credential::parse(token)
            .ok_or_else(|| refused("the token is empty, too long, or has characters that no token has"))?;
        let (credential, ends) = match self.mode {
            AuthMode::Upstream => (credential, expiry(claims(token).as_ref())),
            AuthMode::Known => self.known(credential, token, origin).await?,
            AuthMode::Introspect => self.introspected(credential).await?,
        };
        if self.blocked.user(credential.name()) {
            return Err(Failure::new(Code::Forbidden, "this user is blocked here"));
        }
        let latest = (now() + self.lifetime).as_secs();
        let expires = ends.map_or(latest, |ends| ends.min(latest));
        let session = Session { credential, expires };
        if session.ends_in().is_zero() {
            return Err(refused("the token has expired; get a new one"));
        }
        Ok(session)
    }

    async fn known(
        &self,
        credential: Credential,
        token: &str,
        origin: Option<&str>,
    ) -> Result<(Credential, Option<u64>), Failure> {
        let hash = hash(token);
        let mut found = false;
        // To the end, however early one fits: the time must not tell which.
        for known in &self.known {
            found |= constant_time::verify_slices_are_equal(known, &hash).is_ok();
        }
        if found {
            return Ok((credential, None));
        }
        let Some(keyring) = &self.keyring else {
            return Err(Failure::new(Code::Unauthorized, "the token is not known here"));
        };
        match keyring.verify(token, origin).await {
            Ok(grant) => {
                let ends = grant.expires_at.map(|ends| ends.saturating_add(LEEWAY.as_secs()));
                Ok((credential.named(&grant.holder), ends))
            }
            // It is signed by a key of ours, its time is now and the page is one of its `origins`; that it is for no relay's
            // targets is no matter here.
            Err(TokenError::NoTargets) => {
                let claims = claims(token);
                let subject = claims.as_ref().and_then(|claims| claims.get("sub")?.as_str());
                let credential = match subject.filter(|subject| !subject.is_empty()) {
                    Some(subject) => credential.clone().named(&format!("sub:{subject}")),
                    None => credential,
                };
                Ok((credential, expiry(claims.as_ref())))
            }
            Err(TokenError::Unavailable) => {
                Err(Failure::new(Code::Unavailable, "tokens cannot be checked now; try again"))
            }
            Err(error) => Err(Failure::new(Code::Unauthorized, error.to_string())),
        }
    }

    async fn introspected(&self, credential: Credential) -> Result<(Credential, Option<u64>), Failure> {
        let Some(resource) = &self.introspect else {
            return Err(Failure::new(
                Code::Unavailable,
                "tokens cannot be checked: pogo.introspect is not set",
            ));
        };
        let ask = Ask { credential: Some(&credential), ..Ask::default() };
        let Reading::New(answer) = self.upstream.read(resource, ask).await? else {
            return Err(Failure::new(Code::UpstreamError, "the API did not say whether the token is good"));
        };
        let said: Value = serde_json::from_slice(answer.document.raw()).unwrap_or_default();
        if said.get("active") == Some(&Value::Bool(false)) {
            return Err(Failure::new(Code::Unauthorized, "the API does not take the token"));
        }
        let ends = ["exp", "expires"].iter().find_map(|name| seconds(said.get(*name)?));
        Ok((credential, ends))
    }
}

/// The claims of what looks like a JWT. They are not checked by this: they may only make a session shorter.
fn claims(token: &str) -> Option<serde_json::Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn expiry(claims: Option<&serde_json::Map<String, Value>>) -> Option<u64> {
    seconds(claims?.get("exp")?).map(|ends| ends.saturating_add(LEEWAY.as_secs()))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is 0 or more")]
fn seconds(value: &Value) -> Option<u64> {
    value.as_f64().map(|seconds| seconds.max(0.0) as u64)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
