//! Claims: what a token says of itself, and whether that is good now and here.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::TokenError;
use crate::key::Authentic;

/// The claims of a token (RFC 7519 §4, and Polysocket's own), to be minted or as they were read.
///
/// Times are seconds since 1970. Claims that are not listed here are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Claims {
    /// Whose sockets are counted together. Without it, those of this very token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// For which services.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// When it ends; required.
    pub exp: u64,
    /// When it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// When it was issued; not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Target patterns; required.
    pub targets: Vec<String>,
    /// Patterns for the origins of pages that may use it. `None`: any page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<Vec<String>>,
    /// The `Origin` that the target sees. `None`: that of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Sockets at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Sockets created per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creates_per_second: Option<f64>,
    /// Bytes per second, both ways together, of all its sockets on one relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
}

impl Claims {
    /// Reads the claims of a token that was verified.
    pub(crate) fn read(token: &Authentic) -> Result<Self, TokenError> {
        let map: Map<String, Value> =
            serde_json::from_slice(token.claims()).map_err(|_| TokenError::Unreadable)?;
        let get = |claim| Claim { name: claim, value: map.get(claim).filter(|value| !value.is_null()) };
        Ok(Self {
            sub: get("sub").text()?.filter(|sub| !sub.is_empty()),
            iss: get("iss").text()?,
            aud: get("aud").texts()?.unwrap_or_default(),
            exp: get("exp").time()?.ok_or(TokenError::MissingClaim("exp"))?,
            nbf: get("nbf").time()?,
            iat: None,
            targets: get("targets").texts()?.unwrap_or_default(),
            origins: get("origins").texts()?,
            origin: get("origin").text()?,
            sockets: get("sockets").whole()?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
            creates_per_second: get("creates_per_second").rate()?,
            bytes_per_second: get("bytes_per_second").whole()?,
        })
    }
}

struct Claim<'a> {
    name: &'static str,
    value: Option<&'a Value>,
}

impl Claim<'_> {
    fn read<T>(&self, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, TokenError> {
        let wrong = || TokenError::BadClaim { claim: self.name, expected: expected.to_owned() };
        self.value.map(|value| read(value).ok_or_else(wrong)).transpose()
    }

    fn text(&self) -> Result<Option<String>, TokenError> {
        self.read("must be text", |value| value.as_str().map(str::to_owned))
    }

    fn texts(&self) -> Result<Option<Vec<String>>, TokenError> {
        self.read("must be text or a list of text", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    fn whole(&self) -> Result<Option<u64>, TokenError> {
        self.read("must be a whole number, 0 or more", Value::as_u64)
    }

    fn rate(&self) -> Result<Option<f64>, TokenError> {
        self.read("must be a number, 0 or more", |value| value.as_f64().filter(|rate| *rate >= 0.0))
    }

    /// A `NumericDate` may have a fraction (RFC 7519 §2); a second more or less is not worth one here.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is 0 or more")]
    fn time(&self) -> Result<Option<u64>, TokenError> {
        self.read("must be a time in seconds since 1970", |value| {
            value.as_u64().or_else(|| value.as_f64().filter(|time| *time >= 0.0).map(|time| time as u64))
        })
    }
}

/// What a token must say to be good here.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// What `aud` must name.
    pub audience: Option<String>,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// Seconds by which clocks may differ.
    pub leeway: u64,
}

impl Rules {
    /// Checks times, issuer and audience; `now` in seconds since 1970.
    pub fn check(&self, claims: &Claims, now: u64) -> Result<(), TokenError> {
        // RFC 7519 §4.1.4: "on or after which" it must not be accepted.
        if now >= claims.exp.saturating_add(self.leeway) {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(self.leeway)) {
            return Err(TokenError::NotYet);
        }
        if self.issuer.is_some() && self.issuer != claims.iss {
            return Err(TokenError::Issuer);
        }
        match &self.audience {
            Some(audience) if claims.aud.contains(audience) => Ok(()),
            Some(_) => Err(TokenError::Audience),
            None if claims.aud.is_empty() => Ok(()),
            None => Err(TokenError::NoAudience),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn read(json: &str) -> Result<Claims, TokenError> {
        Claims::read(&Authentic::for_test(json))
    }

    #[track_caller]
    fn check(rules: &Rules, json: &str, expected: impl Into<Option<TokenError>>) {
        let found = read(json).and_then(|claims| rules.check(&claims, NOW));
        assert_eq!(found.err(), expected.into(), "{json}");
    }

    #[test]
    fn times_with_leeway() {
        let rules = Rules { leeway: 30, ..Rules::default() };
        check(&rules, r#"{"exp":1700000000}"#, None);
        check(&rules, r#"{"exp":1699999971}"#, None);
        check(&rules, r#"{"exp":1699999970}"#, TokenError::Expired);
        check(&rules, r#"{"exp":1699999971.9}"#, None);
        check(&rules, r#"{"exp":0}"#, TokenError::Expired);
        check(&rules, r#"{"exp":18446744073709551615}"#, None);
        check(&rules, r#"{"exp":1e300}"#, None);
        check(&rules, r#"{"exp":1800000000,"nbf":1700000030}"#, None);
        check(&rules, r#"{"exp":1800000000,"nbf":1700000031}"#, TokenError::NotYet);
        check(&rules, "{}", TokenError::MissingClaim("exp"));
        check(&rules, r#"{"exp":null}"#, TokenError::MissingClaim("exp"));
        for exp in ["\"1800000000\"", "-1", "[1]", "true"] {
            let found = read(&format!(r#"{{"exp":{exp}}}"#));
            assert!(matches!(found, Err(TokenError::BadClaim { claim: "exp", .. })), "{exp}");
        }
    }

    #[test]
    fn audience_and_issuer() {
        let open = Rules::default();
        check(&open, r#"{"exp":1800000000}"#, None);
        check(&open, r#"{"exp":1800000000,"iss":"anyone"}"#, None);
        check(&open, r#"{"exp":1800000000,"aud":"someone"}"#, TokenError::NoAudience);
        let rules = Rules { audience: Some("relay".into()), issuer: Some("us".into()), leeway: 0 };
        check(&rules, r#"{"exp":1800000000,"iss":"us","aud":"relay"}"#, None);
        check(&rules, r#"{"exp":1800000000,"iss":"us","aud":["x","relay"]}"#, None);
        check(&rules, r#"{"exp":1800000000,"iss":"us","aud":["x"]}"#, TokenError::Audience);
        check(&rules, r#"{"exp":1800000000,"iss":"us","aud":[]}"#, TokenError::Audience);
        check(&rules, r#"{"exp":1800000000,"iss":"us","aud":"relays"}"#, TokenError::Audience);
        check(&rules, r#"{"exp":1800000000,"iss":"us"}"#, TokenError::Audience);
        check(&rules, r#"{"exp":1800000000,"iss":"them","aud":"relay"}"#, TokenError::Issuer);
        check(&rules, r#"{"exp":1800000000,"aud":"relay"}"#, TokenError::Issuer);
    }

    #[test]
    fn types_of_claims() {
        let bad = [
            ("targets", "[1]"),
            ("targets", "{}"),
            ("origins", "5"),
            ("origin", "[]"),
            ("sub", "7"),
            ("sockets", "-1"),
            ("sockets", "1.5"),
            ("sockets", "\"1\""),
            ("creates_per_second", "-0.5"),
            ("bytes_per_second", "1.5"),
            ("aud", "{}"),
            ("nbf", "\"\""),
        ];
        for (claim, value) in bad {
            let found = read(&format!(r#"{{"exp":1,"{claim}":{value}}}"#));
            assert!(
                matches!(found, Err(TokenError::BadClaim { claim: c, .. }) if c == claim),
                "{claim}: {value}"
            );
        }
        for unreadable in ["", "[]", "5", "{\"exp\":1", "\u{0}"] {
            assert_eq!(read(unreadable), Err(TokenError::Unreadable), "{unreadable}");
        }
        let most = read(r#"{"exp":1,"sockets":99999999999,"creates_per_second":0.5,"sub":""}"#);
        let most = most.expect("claims");
        assert_eq!((most.sockets, most.creates_per_second, most.sub), (Some(u32::MAX), Some(0.5), None));
    }
}
