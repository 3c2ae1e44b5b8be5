//! `polysocket token`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use polysocket_config::Span;
use polysocket_outbound::TargetPattern;
use polysocket_tokens::{AuthConfig, Claims, OriginPattern, SigningKey, mint};

use crate::args::Token;
use crate::config;
use crate::error::Failure;

/// Prints a token.
pub fn run(flags: &Token) -> Result<(), Failure> {
    let auth = config::read(&flags.common, Vec::new())?.auth;
    let key = signing_key(flags, &auth)?;
    let token = mint(&key, &claims(flags, &auth)?).map_err(|error| Failure::Usage(error.to_string()))?;
    println!("{token}");
    Ok(())
}

fn claims(flags: &Token, auth: &AuthConfig) -> Result<Claims, Failure> {
    let expires: Span =
        flags.expires.parse().map_err(|error| Failure::Usage(format!("--expires: {error}")))?;
    for target in &flags.target {
        let read = target.parse::<TargetPattern>();
        read.map_err(|error| Failure::Usage(format!("--target {target}: {error}")))?;
    }
    for origin in &flags.origin {
        let read = origin.parse::<OriginPattern>();
        read.map_err(|error| Failure::Usage(format!("--origin {origin}: {error}")))?;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Claims {
        sub: flags.subject.clone(),
        iss: auth.issuer.clone(),
        aud: flags.audience.clone().or_else(|| auth.audience.clone()).into_iter().collect(),
        exp: now + expires.as_duration().as_secs(),
        iat: Some(now),
        targets: flags.target.clone(),
        origins: (!flags.origin.is_empty()).then(|| flags.origin.clone()),
        origin: flags.upstream_origin.clone(),
        sockets: flags.sockets,
        creates_per_second: flags.creates_per_second,
        bytes_per_second: flags.bytes_per_second,
        ..Claims::default()
    })
}

fn signing_key(flags: &Token, auth: &AuthConfig) -> Result<SigningKey, Failure> {
    let usage = |text: String| Failure::Usage(text);
    let (key, id) = match (&flags.private_key, &flags.secret_file) {
        (Some(path), _) => (SigningKey::from_private_pem(&read(path)?), flags.key_id.clone()),
        (None, Some(path)) => (SigningKey::from_secret(trim(&read(path)?)), flags.key_id.clone()),
        (None, None) => {
            let configured = auth.keys.iter().find(|key| {
                (key.secret.is_some() || key.secret_file.is_some())
                    && (flags.key_id.is_none() || key.id == flags.key_id)
            });
            let configured = configured.ok_or_else(|| {
                usage(
                    "no key to sign with: name one by --private-key or --secret-file, \
                     or by a configuration (--config) whose auth.keys has a secret"
                        .into(),
                )
            })?;
            let secret = match (&configured.secret, &configured.secret_file) {
                (Some(secret), _) => secret.clone().into_bytes(),
                (None, Some(path)) => trim(&read(path)?).to_vec(),
                (None, None) => Vec::new(),
            };
            (SigningKey::from_secret(&secret), configured.id.clone())
        }
    };
    let key = key.map_err(|error| usage(error.to_string()))?;
    Ok(match id {
        Some(id) => key.with_id(id),
        None => key,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// A line end after a secret does not count.
fn trim(secret: &[u8]) -> &[u8] {
    secret.trim_ascii_end()
}
