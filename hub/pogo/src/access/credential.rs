//! Credentials that are passed on to the API, and what they separate.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use http::HeaderValue;

/// Longest token, bytes: what servers take in one header.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Whose answers may be shown to whom. Answers of one scope are never shown in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The API says that everybody is answered this (`Cache-Control: public`).
    Public,
    /// Asked for without a credential.
    Anonymous,
    /// Asked for with the token of this SHA-256.
    Bearer([u8; 32]),
}

/// A bearer token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    scope: Scope,
    header: HeaderValue,
    name: Arc<str>,
}

impl Credential {
    /// `None` where the text cannot be a token (RFC 6750, section 2.1).
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:".contains(&byte);
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.bytes().all(plain) {
            return None;
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        let name = hash[..8].iter().fold("token:".to_owned(), |name, byte| format!("{name}{byte:02x}"));
        Some(Self { scope: Scope::Bearer(hash), header, name: name.into() })
    }

    /// By the name that a key or a claim gives its bearer.
    #[must_use]
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    /// `Bearer …`; nothing logs it.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// As it was given.
    pub(crate) fn token(&self) -> &str {
        self.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default()
    }

    /// May be logged; what limits count by and block lists name: `sub:…`, `key:…`, or `token:` and 16 digits of the
    /// token's SHA-256.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credential").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart_and_not_shown() {
        let one = Credential::parse("7879a3aa5783ba49e89fb2ee3a27480c96c4e6ce").expect("a token");
        let other = Credential::parse("7879a3aa5783ba49e89fb2ee3a27480c96c4e6cf").expect("a token");
        assert_ne!(one.scope(), other.scope());
        assert!(!format!("{one:?}{:?}", one.header()).contains("7879a3aa"));
        for text in ["", "a b", "a\r\nX: y", "ü", "a\"b", &"a".repeat(9000)] {
            assert_eq!(Credential::parse(text), None, "{text}");
        }
    }
}
