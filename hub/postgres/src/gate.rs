//! Who may open what: keys and rules, put together from the configuration.

use std::time::{SystemTime, UNIX_EPOCH};

use polysocket_config::Problem;

use crate::claims::{Access, Asked, Places, Rules};
use crate::config::PostgresConfig;
use crate::error::Rejection;
use crate::jwks::Jwks;
use crate::key::{self, Key, Token};

/// Judges tokens.
pub struct Gate {
    keys: Vec<Key>,
    jwks: Option<Jwks>,
    places: Places,
    rules: Rules,
}

impl Gate {
    /// Reads the keys, also those in files.
    pub fn new(config: &PostgresConfig) -> Result<Self, Problem> {
        let keys = read_keys(config)?;
        let jwks = config.jwks_url.as_ref().map(|url| {
            let spans = [config.jwks_timeout, config.jwks_max_age, config.jwks_refresh_floor];
            let [within, max_age, floor] = spans.map(polysocket_config::Span::as_duration);
            Jwks::new(url, within, max_age, floor).map_err(|text| Problem::new("postgres.jwks_url", text))
        });
        let places = Places {
            mode: config.claim_mode.clone(),
            channel: config.claim_channel.clone(),
            channels: config.claim_channels.clone(),
            patterns: config.claim_patterns.clone(),
        };
        let rules = Rules {
            leeway: config.jwt_leeway.as_duration().as_secs_f64(),
            audience: config.jwt_audience.clone(),
            wildcard: config.wildcard_tokens,
        };
        Ok(Self { keys, jwks: jwks.transpose()?, places, rules })
    }

    /// What the bearer of a token may do. May wait for the issuer's keys, `jwks_timeout` at most.
    pub async fn judge(&self, token: &str, asked: Option<&Asked>) -> Result<Access, Rejection> {
        let token = Token::parse(token)?;
        let claims = match (token.claims(&self.keys), &self.jwks) {
            (Err(_), Some(jwks)) => token.claims(&jwks.keys(token.key_id.as_deref()).await)?,
            (judged, _) => judged?,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Access::judge(claims, asked, &self.places, &self.rules, now)
    }
}

/// Reads the keys, also those in a file.
pub fn read_keys(config: &PostgresConfig) -> Result<Vec<Key>, Problem> {
    key::install_provider();
    let (name, secret) = match (&config.jwt_secret, &config.jwt_secret_file) {
        (Some(secret), _) => ("jwt_secret", Some(secret.clone().into_bytes())),
        (None, Some(path)) => ("jwt_secret_file", Some(read_file(path)?)),
        (None, None) => ("jwt_secret", None),
    };
    let problem = |text: String| Problem::new(&format!("postgres.{name}"), text);
    let keys = match secret {
        None => Vec::new(),
        Some(secret) if config.jwt_secret_base64 => {
            key::read_secret(&key::decode_base64(&secret).map_err(problem)?).map_err(problem)?
        }
        Some(secret) => key::read_secret(&secret).map_err(problem)?,
    };
    if keys.iter().any(|key| key.weak) {
        let text = format!(
            "has less than {} bytes and can be guessed from any token; make one with `openssl rand -base64 48`",
            key::SECRET_BYTES_MIN
        );
        if config.jwt_strict {
            return Err(problem(text));
        }
        tracing::warn!("postgres.{name} {text}");
    }
    Ok(keys)
}

/// Without the one end of line that editors put there.
fn read_file(path: &std::path::Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = std::fs::read(path).map_err(|error| {
        Problem::new("postgres.jwt_secret_file", format!("{} cannot be read: {error}", path.display()))
    })?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    if bytes.ends_with(b"\r") {
        bytes.pop();
    }
    Ok(bytes)
}
