//! The section `[auth]` and what is wrong with it.

use std::path::{Path, PathBuf};

use polysocket_config::{Problem, Size, Span, Tables};
use polysocket_outbound::TargetPattern;
use url::Url;

use crate::OriginPattern;
use crate::algorithm::Algorithm;
use crate::key;

/// A static key is sent as it is, so it must not be guessable: 16 bytes are 22 characters of base64, or 32 of
/// hex for 128 bits. This is the least that is taken; the advice is twice as much.
pub const STATIC_KEY_BYTES_MIN: usize = 16;

/// The longest name of a static key; names become parts of registry keys.
pub const NAME_BYTES_MAX: usize = 64;

/// With more than this an expiry says little.
const LEEWAY_MAX: Span = Span::seconds(600);

/// Below this an attacker with made-up key ids makes us hammer the server of the key set.
const REFRESH_FLOOR_MIN: Span = Span::seconds(1);

polysocket_config::section! {
    /// Who may create sockets. With no keys, no key set and no static tokens, nobody can be told from
    /// anybody.
    pub struct AuthConfig = "auth" check check_auth {
        /// What the claim `aud` of a JWT must name. Without it, a JWT with an `aud` is refused.
        audience: Option<String> = None,
        /// What the claim `iss` of a JWT must be.
        issuer: Option<String> = None,
        /// How far clocks may differ: a JWT is good so much before `nbf` and after `exp`.
        leeway: Span = Span::seconds(30),
        /// Where to fetch the public keys of an issuer (a JWK set, RFC 7517), over https or, in a network you
        /// trust, http.
        jwks_url: Option<String> = None,
        /// The least time between two fetches of the key set, however many tokens name unknown keys.
        jwks_refresh_floor: Span = Span::seconds(10),
        /// How old the key set may be before it is fetched again. One that cannot be fetched is used on.
        jwks_max_age: Span = Span::seconds(600),
        /// How long a fetch of the key set may take, from the name lookup to the last byte.
        jwks_timeout: Span = Span::seconds(3),
        /// A PEM file with certificate authorities for the server of the key set, beside the system's.
        jwks_ca: Option<PathBuf> = None,
        /// The longest token that is looked at.
        token_bytes_max: Size = Size::kib(8),
        /// Keys that sign JWTs.
        keys: Tables<JwtKey> = Tables::new(),
        /// Static tokens, for pages that have no server to issue JWTs. Anyone who can see the page can see
        /// them: restrict their origins.
        tokens: Tables<StaticToken> = Tables::new(),
    }
}

polysocket_config::row! {
    /// A key that signs JWTs.
    pub struct JwtKey check check_key {
        /// The key id. JWTs with this `kid` are checked with it; a key without an id is tried for every JWT.
        id: Option<String> = None,
        /// The only algorithm it is used with.
        algorithm: Option<Algorithm> = None,
        /// For HS256: the shared secret, 32 bytes or more.
        secret: Option<String> = None,
        /// For HS256: a file with the shared secret; a line end after it does not count.
        secret_file: Option<PathBuf> = None,
        /// For RS256, ES256 and EdDSA: a file with the public key in PEM.
        public_key_file: Option<PathBuf> = None,
    }
}

polysocket_config::row! {
    /// A static token and what it allows.
    pub struct StaticToken check check_token {
        /// Its name, for counting and for logs: letters, digits, `_`, `-` and `.`.
        name: String = String::new(),
        /// The token itself, 16 characters or more.
        key: Option<String> = None,
        /// A file with the token; a line end after it does not count.
        key_file: Option<PathBuf> = None,
        /// Which targets it may reach: `wss://chat.example.com`, `wss://*.example.com/live`, `*`.
        targets: Vec<String> = Vec::new(),
        /// For pages of which origins: `https://app.example.com`, `https://*.example.com`. Empty: of any.
        origins: Vec<String> = Vec::new(),
        /// The `Origin` that the target sees. Without it, that of the page.
        upstream_origin: Option<String> = None,
        /// Sockets at the same time.
        sockets_max: Option<u32> = None,
        /// Sockets created per second.
        creates_per_second_max: Option<f64> = None,
        /// Bytes per second, both ways together, of all sockets of this token on one relay; a second's worth may come at once.
        bytes_per_second_max: Option<Size> = None,
    }
}

impl AuthConfig {
    /// Whether no token can be checked, as nothing is configured to check one with. What to do then is up to
    /// the caller: `dev` lets every page in, a server must not.
    pub fn is_open(&self) -> bool {
        self.keys.is_empty() && self.tokens.is_empty() && self.jwks_url.is_none()
    }
}

/// Where a secret or a key is to be had.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// In the configuration.
    Inline(&'a str),
    /// In a file.
    File(&'a Path),
}

impl JwtKey {
    /// The algorithm and where the key is, once that is said without contradiction.
    pub(crate) fn source(&self) -> Result<(Algorithm, Source<'_>), Problem> {
        let algorithm = self.algorithm.ok_or_else(|| {
            Problem::new("algorithm", "say what the key is for: HS256, RS256, ES256 or EdDSA")
        })?;
        if !algorithm.is_symmetric() {
            if self.secret.is_some() || self.secret_file.is_some() {
                return Err(Problem::new(
                    "secret",
                    format!("{algorithm} has no secret; give public_key_file"),
                ));
            }
            let file = self.public_key_file.as_deref().ok_or_else(|| {
                Problem::new("public_key_file", format!("{algorithm} needs one: the public key in PEM"))
            })?;
            return Ok((algorithm, Source::File(file)));
        }
        if self.public_key_file.is_some() {
            return Err(Problem::new(
                "public_key_file",
                "HS256 has no public key; give secret or secret_file",
            ));
        }
        Ok((algorithm, one_of("secret", self.secret.as_deref(), self.secret_file.as_deref())?))
    }
}

impl StaticToken {
    pub(crate) fn source(&self) -> Result<Source<'_>, Problem> {
        one_of("key", self.key.as_deref(), self.key_file.as_deref())
    }
}

fn one_of<'a>(name: &str, inline: Option<&'a str>, file: Option<&'a Path>) -> Result<Source<'a>, Problem> {
    match (inline, file) {
        (Some(text), None) => Ok(Source::Inline(text)),
        (None, Some(path)) => Ok(Source::File(path)),
        (None, None) => Err(Problem::new(name, format!("give {name} or {name}_file"))),
        (Some(_), Some(_)) => Err(Problem::new(name, format!("give {name} or {name}_file, not both"))),
    }
}

/// Refuses a static key that could be guessed.
pub fn check_static_key(key: &[u8]) -> Result<(), String> {
    if key.len() < STATIC_KEY_BYTES_MIN {
        return Err(format!(
            "the key has {} bytes and needs {STATIC_KEY_BYTES_MIN} or more; make one with `openssl rand -hex 32`",
            key.len()
        ));
    }
    Ok(())
}

fn check_auth(auth: &AuthConfig, problems: &mut Vec<Problem>) {
    let mut problem = |key: &str, text: String| problems.push(Problem::new(&format!("auth.{key}"), text));
    for (key, value) in [("audience", &auth.audience), ("issuer", &auth.issuer)] {
        if value.as_deref() == Some("") {
            problem(key, "is empty; leave it out, or write what the claim must be".to_owned());
        }
    }
    if auth.leeway > LEEWAY_MAX {
        problem("leeway", format!("is more than {LEEWAY_MAX}; set the clocks right instead"));
    }
    if let Some(Err(text)) = auth.jwks_url.as_deref().map(parse_jwks_url) {
        problem("jwks_url", text);
    }
    if auth.jwks_refresh_floor < REFRESH_FLOOR_MIN {
        problem("jwks_refresh_floor", format!("is less than {REFRESH_FLOOR_MIN}"));
    }
    if auth.jwks_max_age < auth.jwks_refresh_floor {
        problem(
            "jwks_max_age",
            format!("is less than auth.jwks_refresh_floor ({})", auth.jwks_refresh_floor),
        );
    }
    if auth.jwks_timeout == Span::seconds(0) {
        problem("jwks_timeout", "is 0, so the key set could never be fetched".to_owned());
    }
    // So a create waits for one fetch at most, never for the second try after it.
    if auth.jwks_timeout > auth.jwks_refresh_floor {
        problem(
            "jwks_timeout",
            format!("is more than auth.jwks_refresh_floor ({})", auth.jwks_refresh_floor),
        );
    }
    if auth.token_bytes_max == Size::bytes(0) {
        problem("token_bytes_max", "is 0, so no token could pass".to_owned());
    }
    for (index, token) in auth.tokens.iter().enumerate() {
        if auth.tokens[..index].iter().any(|other| other.name == token.name) {
            problem(
                &format!("tokens[{index}].name"),
                format!("`{}` is taken; what they use would be counted together", token.name),
            );
        }
    }
}

fn check_key(row: &JwtKey, problems: &mut Vec<Problem>) {
    match row.source() {
        Err(problem) => problems.push(problem),
        Ok((_, Source::File(_))) => {}
        Ok((_, Source::Inline(secret))) => {
            if let Err(text) = key::check_secret(secret.as_bytes()) {
                problems.push(Problem::new("secret", text));
            }
        }
    }
}

fn check_token(row: &StaticToken, problems: &mut Vec<Problem>) {
    let mut problem = |column: &str, text: String| problems.push(Problem::new(column, text));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if row.name.is_empty() || row.name.len() > NAME_BYTES_MAX || !row.name.bytes().all(plain) {
        problem("name", format!("must be 1 to {NAME_BYTES_MAX} of letters, digits, `_`, `-` and `.`"));
    }
    match row.source() {
        Err(Problem { key, text, .. }) => problem(&key, text),
        Ok(Source::File(_)) => {}
        Ok(Source::Inline(key)) => {
            if let Err(text) = check_static_key(key.as_bytes()) {
                problem("key", text);
            }
        }
    }
    if row.targets.is_empty() {
        problem(
            "targets",
            "is empty, so the token would allow nothing; `*` allows every public target".to_owned(),
        );
    }
    for (index, text) in row.targets.iter().enumerate() {
        if let Err(error) = text.parse::<TargetPattern>() {
            problem(&format!("targets[{index}]"), error.to_string());
        }
    }
    for (index, text) in row.origins.iter().enumerate() {
        if let Err(error) = text.parse::<OriginPattern>() {
            problem(&format!("origins[{index}]"), error);
        }
    }
    if let Some(Err(error)) = row.upstream_origin.as_deref().map(str::parse::<crate::Origin>) {
        problem("upstream_origin", error);
    }
    if row.creates_per_second_max.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
        problem("creates_per_second_max", "must be 0 or more".to_owned());
    }
}

/// Reads `auth.jwks_url`.
pub fn parse_jwks_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// (or http://, in a network you trust)".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user or a password; a key set is public".to_owned());
    }
    Ok(url)
}
