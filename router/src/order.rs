//! What a create asks for: checked, authorised, and nothing done yet.

use std::collections::HashSet;

use polysocket_outbound::Target;
use polysocket_protocol::Word;
use polysocket_protocol::limits::SUBPROTOCOLS_MAX;
use polysocket_tokens::Grant;
use tokio::time::{Instant, timeout_at};

use crate::account::Account;
use crate::nonce::{claim_key, is_nonce};
use crate::query::Params;
use crate::refusal::Refusal;
use crate::router::Shared;

/// All offered subprotocols, bytes. They go into one header, which servers take up to 8 KiB at least.
const SUBPROTOCOLS_BYTES_MAX: usize = 4096;

/// A create that may be.
pub(crate) struct Order {
    pub(crate) target: Target,
    pub(crate) protocols: Vec<String>,
    pub(crate) hold: bool,
    pub(crate) page_origin: Option<String>,
    pub(crate) grant: Grant,
    /// Where a repeat finds it.
    pub(crate) claim_key: Option<String>,
    pub(crate) deadline: Instant,
}

impl Order {
    /// Judges what was asked for. Whoever has no token learns nothing of what the operator allows.
    pub(crate) async fn read(
        shared: &Shared,
        params: Params,
        page_origin: Option<String>,
        deadline: Instant,
        account: &mut Account,
    ) -> Result<Self, Refusal> {
        let Params { target, token, v1, protocols, nonce, hold, .. } = params;
        let malformed = |detail: &str| Refusal::told(Word::BadRequest, detail);
        let protocols = match protocols.filter(|_| v1) {
            Some(list) => read_protocols(&list).map_err(|detail| Refusal::told(Word::BadRequest, detail))?,
            None => Vec::new(),
        };
        let nonce = nonce.filter(|_| v1);
        if nonce.as_deref().is_some_and(|nonce| !is_nonce(nonce)) {
            return Err(malformed("`nonce` must be 16 to 64 of A-Z a-z 0-9 _ -"));
        }
        let target = target.ok_or_else(|| malformed("`target` is missing"))?;
        let target = Target::parse(&target).map_err(|error| Refusal::told(error.word(), error))?;
        target.origin().clone_into(&mut account.target);

        let grant =
            authorise(shared, &token.unwrap_or_default(), page_origin.as_deref(), &target, deadline).await?;
        Ok(Self {
            claim_key: nonce.map(|nonce| claim_key(&grant.holder, target.as_str(), &nonce)),
            target,
            protocols,
            hold: hold && v1,
            page_origin,
            grant,
            deadline,
        })
    }
}

/// What the token grants, if token and operator both allow the target.
async fn authorise(
    shared: &Shared,
    token: &str,
    origin: Option<&str>,
    target: &Target,
    deadline: Instant,
) -> Result<Grant, Refusal> {
    let grant = match &shared.keyring {
        // Judged within the deadline, as a key set may have to be fetched for it.
        Some(keyring) => timeout_at(deadline, keyring.verify(token, origin))
            .await
            .map_err(|_| Refusal::noted(Word::Unavailable, "the key set was not fetched in time"))?
            .map_err(|error| Refusal::told(error.word(), error))?,
        None => anybody(origin),
    };
    shared.policy.check(target).map_err(|refused| Refusal::noted(refused.word(), refused))?;
    if shared.keyring.is_some() && !grant.allows(target) {
        return Err(Refusal::noted(Word::Forbidden, "the token does not allow this target"));
    }
    Ok(grant)
}

/// Where there are no tokens.
fn anybody(origin: Option<&str>) -> Grant {
    Grant {
        holder: String::new(),
        targets: Vec::new(),
        upstream_origin: origin.map(str::to_owned),
        sockets_max: None,
        creates_per_second_max: None,
        bytes_per_second_max: None,
        expires_at: None,
    }
}

/// Subprotocols as a list in a header has them (RFC 6455, section 4.1): tokens (RFC 9110, section 5.6.2), none twice.
fn read_protocols(list: &str) -> Result<Vec<String>, String> {
    if list.len() > SUBPROTOCOLS_BYTES_MAX {
        return Err(format!("`protocols` is longer than {SUBPROTOCOLS_BYTES_MAX} bytes"));
    }
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = list.split(',').map(|name| name.trim_matches(' ')).collect();
    if names.len() > SUBPROTOCOLS_MAX {
        return Err(format!("`protocols` has more than {SUBPROTOCOLS_MAX} names"));
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if names.iter().any(|name| name.is_empty() || !name.bytes().all(token)) {
        return Err("`protocols` has a name that is no token; write them as in `chat,chat.v2`".to_owned());
    }
    if names.iter().collect::<HashSet<_>>().len() < names.len() {
        return Err("`protocols` has a name twice".to_owned());
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subprotocols() {
        assert_eq!(read_protocols("").as_deref(), Ok(&[][..]));
        let names = ["chat", "chat.v2", "~!#$%&'*+-.^_`|"].map(str::to_owned);
        assert_eq!(read_protocols("chat, chat.v2,~!#$%&'*+-.^_`|").as_deref(), Ok(&names[..]));
        assert_eq!(read_protocols("a,A").map(|names| names.len()), Ok(2), "they are compared as they are");
        let many = |n: usize| (0..n).map(|i| format!("p{i}")).collect::<Vec<_>>().join(",");
        assert!(read_protocols(&many(SUBPROTOCOLS_MAX)).is_ok());
        for list in
            [",", "a,", "a,,b", "a b", "a\u{9}", "é", "a,b,a", "a\"", "a/b", &many(SUBPROTOCOLS_MAX + 1)]
        {
            assert!(read_protocols(list).is_err(), "{list}");
        }
        assert!(read_protocols(&"a".repeat(SUBPROTOCOLS_BYTES_MAX + 1)).is_err());
    }
}
