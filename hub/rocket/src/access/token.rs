//! Users by JWT: what a token that is in order says about this hub.
//!
//! The claim `rocket` has, for each hub, what the bearer may read and write:
//! `{"sub":"anna","exp":1790000000,"rocket":{"/echo":{"read":["news-*"],"write":["chat"]}}}`. The hub `*` is any. What
//! is not said is not allowed.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polysocket_tokens::{Keyring, TokenError};
use serde_json::{Map, Value};

use super::{ChannelPattern, Permission, Session, User};
use crate::settings::USER_NAME_BYTES_MAX;
use crate::wire::Reason;

/// After `exp`: clocks differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// A session that ends later than this, seconds since 1970, does not end: no process lives so long.
const FOREVER: u64 = 1 << 40;
/// Patterns of a token for one hub and right.
const PATTERNS_MAX: usize = 64;

/// A session that ends by itself.
#[derive(Debug)]
pub(crate) struct Bearer {
    pub(crate) session: Session,
    /// From now.
    pub(crate) ends_in: Duration,
}

/// The bearer of a token, who must have said the right name.
pub(crate) async fn bearer(
    keyring: &Keyring,
    token: &str,
    name: &str,
    hub: &str,
    origin: Option<&str>,
) -> Result<Bearer, Reason> {
    match keyring.verify(token, origin).await {
        Ok(grant) if grant.expires_at.is_some() => {}
        // It is signed by a key of ours, its time is now and the page is one of its `origins`; that it is for no relay's
        // targets is no matter here.
        Err(TokenError::NoTargets) => {}
        Ok(_) => return Err(bad("the token is no JWT, so it names no user")),
        Err(TokenError::Unavailable) => return Err(Reason::Unavailable),
        Err(error) => return Err(Reason::BadToken(error.to_string())),
    }
    let claims = payload(token).ok_or_else(|| bad("the token has no claims"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    read(&claims, name, hub, now)
}

fn bad(text: &str) -> Reason {
    Reason::BadToken(text.to_owned())
}

/// The claims of a token whose signature has been checked.
fn payload(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn read(claims: &Map<String, Value>, name: &str, hub: &str, now: Duration) -> Result<Bearer, Reason> {
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    if subject != Some(name) {
        return Err(bad("the token's user (claim `sub`) is not the one that is given as `user`"));
    }
    if name.len() > USER_NAME_BYTES_MAX {
        return Err(bad("the token's user (claim `sub`) has more than 256 bytes"));
    }
    let hubs = claims.get("rocket").and_then(Value::as_object);
    let rights = hubs.and_then(|hubs| hubs.get(hub).or_else(|| hubs.get("*"))).and_then(Value::as_object);
    let rights = rights.ok_or_else(|| bad("the token is not for this hub (claim `rocket`)"))?;
    let read = patterns(rights, "read")?;
    let write = patterns(rights, "write")?;
    let right = |patterns: &[_], right| if patterns.is_empty() { Permission::default() } else { right };
    let permission = right(&read, Permission::READ).and(right(&write, Permission::WRITE));
    let ends = claims.get("exp").and_then(Value::as_f64).map_or(0, seconds).min(FOREVER);
    let user = User { name: name.into(), permission, read, write };
    let session = Session { user: Arc::new(user), counted_as: format!("jwt:{name}").into() };
    Ok(Bearer { session, ends_in: (Duration::from_secs(ends) + LEEWAY).saturating_sub(now) })
}

fn patterns(rights: &Map<String, Value>, right: &str) -> Result<Vec<ChannelPattern>, Reason> {
    let wrong = || bad("in the claim `rocket`, `read` and `write` are lists of at most 64 names of channels");
    let list = match rights.get(right) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(list) => list.as_array().filter(|list| list.len() <= PATTERNS_MAX).ok_or_else(wrong)?,
    };
    list.iter().map(|text| text.as_str().map(ChannelPattern::new).ok_or_else(wrong)).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is 0 or more")]
fn seconds(time: f64) -> u64 {
    time.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bearer(claims: &Value, hub: &str) -> Result<Bearer, Reason> {
        read(claims.as_object().expect("an object"), "anna", hub, Duration::from_secs(1000))
    }

    #[test]
    fn what_is_said_is_allowed_and_nothing_else() {
        let claims =
            json!({"sub":"anna","exp":1060,"rocket":{"/a":{"read":["news-*"]},"*":{"write":["chat"]}}});
        let at_a = bearer(&claims, "/a").expect("let in");
        assert_eq!(at_a.ends_in, Duration::from_secs(90));
        assert!(at_a.session.may_read("news-1") && !at_a.session.may_read("chat"));
        assert!(!at_a.session.may_write("chat") && !at_a.session.may_write("news-1"));
        let at_b = bearer(&claims, "/b").expect("let in");
        assert!(at_b.session.may_write("chat") && !at_b.session.may(Permission::READ));
        let late = json!({"sub":"anna","exp":990,"rocket":{"*":{}}});
        assert_eq!(bearer(&late, "/a").expect("let in").ends_in, Duration::from_secs(20));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for claims in [
            json!({"exp":1060,"rocket":{"*":{}}}),
            json!({"sub":"otto","exp":1060,"rocket":{"*":{}}}),
            json!({"sub":["anna"],"exp":1060,"rocket":{"*":{}}}),
            json!({"sub":"anna","exp":1060}),
            json!({"sub":"anna","exp":1060,"rocket":{}}),
            json!({"sub":"anna","exp":1060,"rocket":{"/b":{}}}),
            json!({"sub":"anna","exp":1060,"rocket":["/a"]}),
            json!({"sub":"anna","exp":1060,"rocket":{"/a":{"read":"*"}}}),
            json!({"sub":"anna","exp":1060,"rocket":{"/a":{"read":[1]}}}),
            json!({"sub":"anna","exp":1060,"rocket":{"/a":{"write":vec!["x"; 65]}}}),
        ] {
            let found = bearer(&claims, "/a");
            assert!(matches!(found, Err(Reason::BadToken(_))), "{claims}: {found:?}");
        }
    }
}
