//! What a token allows.

use std::fmt::Write;
use std::str::FromStr;

use aws_lc_rs::digest;
use polysocket_outbound::{Target, TargetPattern};

use crate::claims::Claims;
use crate::origin::{Origin, OriginPattern};
use crate::{TokenError, jws::Jws};

/// A `sub` up to this length, of plain characters, is the holder's name as it is; any other is hashed.
const SUB_BYTES_MAX: usize = 64;

/// What the bearer of a token may do. A limit of `None` is no limit of the token's; the operator's still
/// hold.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whose sockets are counted together: `key:NAME` for a static token, `sub:NAME` or `subject:HASH` for a
    /// JWT with a `sub`, `token:HASH` for one without. At most 68 bytes of `A-Z a-z 0-9 : . _ @ + -`.
    pub holder: String,
    /// Which targets; never empty.
    pub targets: Vec<TargetPattern>,
    /// The `Origin` for the target: the token's own word, else the page's. `None` when neither is known.
    pub upstream_origin: Option<String>,
    /// Sockets at the same time.
    pub sockets_max: Option<u32>,
    /// Sockets created per second; may be less than 1.
    pub creates_per_second_max: Option<f64>,
    /// Bytes per second, both ways together, of all its sockets on one relay.
    pub bytes_per_second_max: Option<u64>,
    /// When the token ends, in seconds since 1970, without leeway.
    pub expires_at: Option<u64>,
}

impl Grant {
    /// Whether the token allows this target. The operator must allow it as well.
    pub fn allows(&self, target: &Target) -> bool {
        self.targets.iter().any(|pattern| pattern.matches(target))
    }

    /// What a JWT grants to a page of this origin.
    pub(crate) fn of_claims(
        claims: &Claims,
        jws: Jws<'_>,
        issuer_is_checked: bool,
        page: Option<&Origin>,
    ) -> Result<Self, TokenError> {
        // Before the targets: services without any take `NoTargets` for a yes to everything else.
        if let Some(origins) = origins(claims)? {
            check_origin(&origins, page)?;
        }
        let terms = Terms::read(claims)?;
        Ok(Self {
            holder: holder(claims, jws, issuer_is_checked),
            targets: terms.targets,
            upstream_origin: terms.upstream_origin.as_ref().or(page).map(ToString::to_string),
            sockets_max: claims.sockets,
            creates_per_second_max: claims.creates_per_second,
            bytes_per_second_max: claims.bytes_per_second,
            expires_at: Some(claims.exp),
        })
    }
}

/// The claims that have a syntax of their own, parsed.
#[derive(Debug)]
pub struct Terms {
    targets: Vec<TargetPattern>,
    upstream_origin: Option<Origin>,
}

impl Terms {
    /// Nothing that is empty or wrong widens what a token allows: it is refused.
    pub fn read(claims: &Claims) -> Result<Self, TokenError> {
        let targets: Vec<TargetPattern> =
            parse_all("targets", &claims.targets, "`wss://*.example.com/live`")?;
        if targets.is_empty() {
            return Err(TokenError::NoTargets);
        }
        origins(claims)?;
        let wrong = |expected| TokenError::BadClaim { claim: "origin", expected };
        let upstream_origin = claims.origin.as_deref().map(str::parse).transpose().map_err(wrong)?;
        Ok(Self { targets, upstream_origin })
    }
}

/// Pages of which origins a token is for, if it is not for all.
fn origins(claims: &Claims) -> Result<Option<Vec<OriginPattern>>, TokenError> {
    let Some(texts) = &claims.origins else { return Ok(None) };
    let origins = parse_all("origins", texts, "`https://*.example.com`")?;
    if origins.is_empty() {
        let expected = "is empty; leave it out, so that the token is for any page".to_owned();
        return Err(TokenError::BadClaim { claim: "origins", expected });
    }
    Ok(Some(origins))
}

/// Whether a page of this origin is meant by one of the patterns.
pub fn check_origin(patterns: &[OriginPattern], page: Option<&Origin>) -> Result<(), TokenError> {
    match page {
        _ if patterns.contains(&OriginPattern::Any) => Ok(()),
        None => Err(TokenError::UnknownOrigin),
        Some(page) if patterns.iter().any(|pattern| pattern.matches(page)) => Ok(()),
        Some(_) => Err(TokenError::Origin),
    }
}

/// Parses a list of patterns. What the entry says is not repeated: texts of errors get around.
fn parse_all<T: FromStr>(claim: &'static str, texts: &[String], example: &str) -> Result<Vec<T>, TokenError> {
    let parse = |(index, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let expected =
                format!("has an entry that is no pattern, number {}; write them as {example}", index + 1);
            TokenError::BadClaim { claim, expected }
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

/// A stable name to count by. Names of two kinds never meet, as each kind has its prefix.
fn holder(claims: &Claims, jws: Jws<'_>, issuer_is_checked: bool) -> String {
    // Two issuers may both have a user 7. Where only one is trusted, the name alone is enough, and readable.
    let issuer = claims.iss.as_deref().filter(|_| !issuer_is_checked);
    match (&claims.sub, issuer) {
        (Some(sub), None) if sub.len() <= SUB_BYTES_MAX && sub.bytes().all(is_plain) => format!("sub:{sub}"),
        (Some(sub), None) => hashed("subject", &[sub.as_bytes()]),
        (Some(sub), Some(issuer)) => hashed("subject", &[sub.as_bytes(), issuer.as_bytes()]),
        // Without the signature: an ECDSA signature has a second form that is as good, and would count as
        // another token.
        (None, _) => hashed("token", &[jws.message.as_bytes()]),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte)
}

/// 128 bits of SHA-256 in hex. Each part is preceded by its length, so that no two lists of parts are alike.
fn hashed(kind: &str, parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut text = format!("{kind}:");
    for byte in &context.finish().as_ref()[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
