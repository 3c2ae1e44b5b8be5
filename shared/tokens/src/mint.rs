//! Making tokens: for `polysocket token`, and for tests.

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use crate::TokenError;
use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::grant::Terms;
use crate::key;

/// A key that signs tokens. `Debug` does not show it.
#[derive(Debug, Clone)]
pub struct SigningKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The key signs nothing.
    #[error("{0}")]
    Key(String),
    /// The token would be refused, whoever showed it.
    #[error("such a token would be refused: {0}")]
    Refused(#[from] TokenError),
}

impl SigningKey {
    /// A shared secret for HS256, 32 bytes or more.
    pub fn from_secret(secret: &[u8]) -> Result<Self, MintError> {
        key::install_provider();
        key::check_secret(secret).map_err(MintError::Key)?;
        Ok(Self { id: None, algorithm: Algorithm::Hs256, key: EncodingKey::from_secret(secret) })
    }

    /// A private key in PEM (PKCS#8, or PKCS#1 for RSA), as `openssl genpkey` writes it. The algorithm is
    /// that of the key: RS256 for RSA of 2048 bits or more, ES256 for P-256, `EdDSA` for Ed25519.
    pub fn from_private_pem(pem: &[u8]) -> Result<Self, MintError> {
        key::install_provider();
        if pem.windows(14).any(|bytes| bytes == b"EC PRIVATE KEY") {
            return Err(MintError::Key(
                "the key is in the old form for elliptic curves; convert it with `openssl pkcs8 -topk8 -nocrypt`"
                    .to_owned(),
            ));
        }
        let read = [
            (Algorithm::Rs256, EncodingKey::from_rsa_pem(pem)),
            (Algorithm::Es256, EncodingKey::from_ec_pem(pem)),
            (Algorithm::EdDsa, EncodingKey::from_ed_pem(pem)),
        ];
        // That it was read does not mean that it can sign: that shows by doing it.
        let signs = |key: &Self| jsonwebtoken::crypto::sign(b"", &key.key, key.algorithm.into()).is_ok();
        read.into_iter()
            .filter_map(|(algorithm, key)| Some(Self { id: None, algorithm, key: key.ok()? }))
            .find(signs)
            .ok_or_else(|| {
                MintError::Key(
                    "this is no private key in PEM (`-----BEGIN PRIVATE KEY-----`) for \
                     RSA of 2048 bits or more, P-256 or Ed25519"
                        .to_owned(),
                )
            })
    }

    /// The same key with a key id, which its tokens then carry as `kid`.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Makes a token. Claims that every verifier would refuse are refused here; whether times, audience and
/// issuer fit is for the verifier to say.
pub fn mint(key: &SigningKey, claims: &Claims) -> Result<String, MintError> {
    Terms::read(claims)?;
    sign(key, claims)
}

/// Signs claims of any kind: a JWT.
pub fn sign(key: &SigningKey, claims: &impl Serialize) -> Result<String, MintError> {
    let header = Header { kid: key.id.clone(), ..Header::new(key.algorithm.into()) };
    jsonwebtoken::encode(&header, claims, &key.key)
        .map_err(|_| MintError::Key("the key did not sign; it is damaged".to_owned()))
}
