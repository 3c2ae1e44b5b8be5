//! All keys, and the judgement of a token.

use std::time::{SystemTime, UNIX_EPOCH};

use polysocket_config::{ConfigError, Problem};

use crate::TokenError;
use crate::claims::{Claims, Rules};
use crate::config::{self, AuthConfig, JwtKey, Source};
use crate::grant::Grant;
use crate::jwks::{Fetcher, Jwks, JwksError, trusted_roots};
use crate::jws::{Header, Jws};
use crate::key::{self, Authentic, Miss, VerifyingKey, verify_with_any};
use crate::origin::Origin;
use crate::row::{below, read_file, read_secret_file};
use crate::static_tokens::StaticTokens;

/// Every key that tokens are checked with. Share it by `Arc`; it is made once, at the start.
#[derive(Debug)]
pub struct Keyring {
    static_tokens: StaticTokens,
    keys: Vec<VerifyingKey>,
    jwks: Option<Jwks>,
    rules: Rules,
    token_bytes_max: usize,
}

impl Keyring {
    /// Reads the keys, also those in files. Fetches nothing.
    pub fn new(auth: &AuthConfig) -> Result<Self, ConfigError> {
        key::install_provider();
        let mut problems = Vec::new();
        let mut keys = Vec::new();
        for (index, row) in auth.keys.iter().enumerate() {
            match read_key(row) {
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(below(&format!("auth.keys[{index}]"), problem)),
            }
        }
        let static_tokens = StaticTokens::new(&auth.tokens, &mut problems);
        let jwks = auth.jwks_url.as_deref().map(|url| read_jwks(auth, url)).transpose();
        let jwks = jwks.unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        let rules = Rules {
            audience: auth.audience.clone(),
            issuer: auth.issuer.clone(),
            leeway: auth.leeway.as_duration().as_secs(),
        };
        Ok(Self { static_tokens, keys, jwks, rules, token_bytes_max: auth.token_bytes_max.as_usize() })
    }

    /// Fetches the key set at `auth.jwks_url` unless it is there already, so that the first page need not
    /// wait for it; the number of its keys. Without `auth.jwks_url`, 0.
    pub async fn preload(&self) -> Result<usize, JwksError> {
        match &self.jwks {
            Some(jwks) => jwks.preload().await,
            None => Ok(0),
        }
    }

    /// What a token grants to a page of this origin. `origin` is the request's `Origin`, or that of its
    /// `Referer` (see [`Origin::of_url`]); one that cannot be read counts as none.
    ///
    /// May wait for a fetch of the key set, `auth.jwks_timeout` at most. Safe to cancel.
    pub async fn verify(&self, token: &str, origin: Option<&str>) -> Result<Grant, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        if token.len() > self.token_bytes_max {
            return Err(TokenError::TooLong { max: self.token_bytes_max });
        }
        let page: Option<Origin> = origin.and_then(|text| text.parse().ok());
        if let Some(granted) = self.static_tokens.verify(token, page.as_ref()) {
            return granted;
        }
        if self.keys.is_empty() && self.jwks.is_none() {
            return Err(TokenError::Unreadable);
        }
        let (header, jws) = Jws::parse(token)?;
        let claims = Claims::read(&self.authenticate(&header, jws).await?)?;
        self.rules.check(&claims, now())?;
        Grant::of_claims(&claims, jws, self.rules.issuer.is_some(), page.as_ref())
    }

    /// Finds the key that verifies a token: those of the configuration first, since they cost no request.
    async fn authenticate(&self, header: &Header, jws: Jws<'_>) -> Result<Authentic, TokenError> {
        let miss = match verify_with_any(&self.keys, header, jws) {
            Ok(authentic) => return Ok(authentic),
            Err(miss) => miss,
        };
        let Some(jwks) = &self.jwks else { return Err(refusal(miss)) };
        if header.algorithm.is_symmetric() {
            return Err(refusal(miss.max(Miss::OtherAlgorithm)));
        }
        let mut set = jwks.current().await;
        let mut missed = match verify_with_any(&set.keys, header, jws) {
            Ok(authentic) => return Ok(authentic),
            Err(missed) => missed,
        };
        if !has(&set.keys, header) && !has(&self.keys, header) {
            // Signed with a key that is newer than our set, perhaps.
            set = jwks.newer().await;
            missed = match verify_with_any(&set.keys, header, jws) {
                Ok(authentic) => return Ok(authentic),
                Err(missed) => missed,
            };
            if set.doubtful && !has(&set.keys, header) {
                return Err(TokenError::Unavailable);
            }
        }
        Err(refusal(miss.max(missed)))
    }
}

/// Whether the very key that the token names is among these.
fn has(keys: &[VerifyingKey], header: &Header) -> bool {
    header.key_id.is_some() && keys.iter().any(|key| key.id == header.key_id)
}

fn refusal(miss: Miss) -> TokenError {
    match miss {
        Miss::NoKey => TokenError::UnknownKey,
        Miss::OtherAlgorithm => TokenError::Algorithm,
        Miss::Signature => TokenError::Signature,
    }
}

fn read_key(row: &JwtKey) -> Result<VerifyingKey, Problem> {
    let (algorithm, source) = row.source()?;
    let id = row.id.clone();
    match source {
        Source::Inline(secret) => {
            VerifyingKey::from_secret(id, secret.as_bytes()).map_err(|text| Problem::new("secret", text))
        }
        Source::File(path) if algorithm.is_symmetric() => read_secret_file(path)
            .and_then(|secret| VerifyingKey::from_secret(id, &secret))
            .map_err(|text| Problem::new("secret_file", text)),
        Source::File(path) => read_file(path)
            .and_then(|pem| VerifyingKey::from_public_pem(id, algorithm, &pem))
            .map_err(|text| Problem::new("public_key_file", text)),
    }
}

fn read_jwks(auth: &AuthConfig, url: &str) -> Result<Jwks, Problem> {
    let problem = |text: String| Problem::new("auth.jwks_url", text);
    let url = config::parse_jwks_url(url).map_err(problem)?;
    let roots = trusted_roots(auth.jwks_ca.as_deref()).map_err(|text| Problem::new("auth.jwks_ca", text))?;
    let fetcher =
        Fetcher::new(url, auth.jwks_timeout.as_duration(), roots).map_err(|e| problem(e.to_string()))?;
    Ok(Jwks::new(fetcher, auth.jwks_refresh_floor.as_duration(), auth.jwks_max_age.as_duration()))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
