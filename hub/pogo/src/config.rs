//! What an operator may say to Pogo.

use std::path::PathBuf;

use polysocket_config::{Kind, Problem, Size, Span, ValueType, section};
use polysocket_tokens::OriginPattern;
use serde::Deserialize;

use crate::access::{Blocked, Credential};
use crate::upstream::Base;

/// How tokens are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// By the API, with each request.
    #[default]
    Upstream,
    /// Against `pogo.tokens` and the keys of `auth`.
    Known,
    /// By asking the API for `pogo.introspect`.
    Introspect,
}

impl serde::Serialize for AuthMode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Upstream => "upstream",
            Self::Known => "known",
            Self::Introspect => "introspect",
        })
    }
}

impl ValueType for AuthMode {
    const KIND: Kind = Kind::Text;
    fn takes() -> String {
        "`upstream`, `known` or `introspect`".to_owned()
    }
}

section! {
    /// Pogo: resources of a REST API, made live.
    pub struct PogoConfig = "pogo" check check {
        /// The root of the REST API: `http://api.internal:3000/v1`. What `targets` says holds for it.
        upstream: Option<String> = None,
        /// Where it listens without TLS. Empty, and `tls_listen` too: not served.
        listen: Vec<String> = vec!["127.0.0.1:8080".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// Pages that may connect: `https://app.example.com`, `https://*.example.com`, `null` or `*`. What is no page
        /// sends no `Origin` and may always.
        origins: Vec<String> = vec!["*".into()],
        /// Paths that may be asked for, each with what is below it.
        allow: Vec<String> = vec!["/".into()],
        /// Paths that may not, whatever `allow` says.
        deny: Vec<String> = Vec::new(),
        /// Who judges a token: `upstream` passes it on to the API, which decides with each answer; `known` takes those of
        /// `pogo.tokens` and of the section `auth`; `introspect` asks the API for `pogo.introspect`, once for each
        /// `auth` and again when the token ends.
        auth: AuthMode = AuthMode::Upstream,
        /// Refuses everything but `auth` to clients without a token.
        auth_required: bool = false,
        /// Tokens that `auth = "known"` takes. At least 16 characters each.
        tokens: Vec<String> = Vec::new(),
        /// The path that is asked with the token for `auth = "introspect"`: a success is a yes, and `exp` or `expires` in
        /// it is when the token ends.
        introspect: Option<String> = None,
        /// For how long a token is good that does not say itself when it ends, and at most.
        session_time: Span = Span::seconds(86_400),
        /// Lets backends push (`PUT` and `DELETE` of a path, `POST /_pogo/publish`) with `Authorization: Bearer` and
        /// this. At least 16 characters. Without it nobody may.
        push_token: Option<String> = None,
        /// The pause between two polls of a resource whose answers have no `Cache-Control: max-age`.
        poll_every: Span = Span::seconds(5),
        /// The shortest pause, whatever the API says.
        poll_shortest: Span = Span::seconds(1),
        /// The longest pause, also after failures and beside a stream of events.
        poll_longest: Span = Span::seconds(300),
        /// Answers that say `Cache-Control: public`, and nothing against it, are shared between clients with different
        /// tokens: one poll for all.
        share_public: bool = true,
        /// Paths of which the API gives server-sent events, each with what is below it. An event says that the resource
        /// has changed.
        event_paths: Vec<String> = Vec::new(),
        /// The data of such an event is the resource's new state, so that it need not be read.
        event_values: bool = false,
        /// One request to the API: waiting for its turn, name look-up, TLS, and all of the answer.
        upstream_timeout: Span = Span::seconds(10),
        /// The longest answer of the API.
        answer_bytes_max: Size = Size::mib(1),
        /// Requests to the API at the same time; others wait their turn.
        upstream_at_once_max: usize = 64,
        /// Resources that are watched at the same time, each scope of a credential counted.
        feeds_max: usize = 10_000,
        /// Binds of one connection.
        binds_max: usize = 100,
        /// Channels that one connection subscribes to.
        channels_max: usize = 100,
        /// Reads of one connection at the same time; writes wait for them.
        reads_at_once_max: u32 = 8,
        /// Answers that are kept for one connection, to be given again for a repeated `post` with `idempotent`.
        replays_max: usize = 32,
        /// Names every frame of data `response`, also that of `get`, which the original calls `streama:response`.
        uniform_events: bool = false,
        /// Requests in a second, on average, from one address. 0 is no limit. Behind a proxy all have one address.
        address_requests_per_second: u32 = 0,
        /// Requests from one address at once, after a pause.
        address_requests_burst: u32 = 1_000,
        /// Requests in a second, on average, of one user, on all connections to this node. 0 is no limit.
        user_requests_per_second: u32 = 100,
        /// Requests of one user at once, after a pause.
        user_requests_burst: u32 = 500,
        /// Addresses and networks that are refused: `192.0.2.7`, `2001:db8::/32`.
        blocked_addresses: Vec<String> = Vec::new(),
        /// Users that are refused: `sub:NAME` for a JWT, `key:NAME` for a static token of the section `auth`, or `token:`
        /// and the first 16 hexadecimal digits of the token's SHA-256.
        blocked_users: Vec<String> = Vec::new(),
        /// Event streams (SSE) at the same time; above, 503.
        streams_max: usize = 10_000,
        /// How often an event stream says something when there is nothing to say.
        stream_ping_every: Span = Span::seconds(25),
    }
}

fn check(config: &PogoConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("pogo.{key}"), text));
    let base = config.upstream.as_deref().map(|upstream| Base::parse(upstream, &config.allow, &config.deny));
    if let Some(Err(error)) = &base {
        wrong("upstream", format!("{error}; write for example \"http://localhost:3000\""));
    }
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs pogo.tls_certificate and pogo.tls_private".into());
    }
    for (index, pattern) in config.origins.iter().enumerate() {
        if let Err(text) = pattern.parse::<OriginPattern>() {
            wrong(&format!("origins[{index}]"), text);
        }
    }
    for (key, list) in
        [("allow", &config.allow), ("deny", &config.deny), ("event_paths", &config.event_paths)]
    {
        for (index, path) in list.iter().enumerate() {
            if !path.starts_with('/') || path.contains('?') {
                wrong(
                    &format!("{key}[{index}]"),
                    format!("`{path}` is no path; it begins with `/` and has no query"),
                );
            }
        }
    }
    for (index, token) in config.tokens.iter().enumerate() {
        if token.len() < TOKEN_BYTES_MIN || Credential::parse(token).is_none() {
            wrong(&format!("tokens[{index}]"), TOKEN_NEEDS.into());
        }
    }
    if config
        .push_token
        .as_ref()
        .is_some_and(|token| token.len() < TOKEN_BYTES_MIN || Credential::parse(token).is_none())
    {
        wrong("push_token", TOKEN_NEEDS.into());
    }
    if config.auth == AuthMode::Introspect && config.introspect.is_none() {
        wrong("introspect", "is needed for pogo.auth = \"introspect\"; write a path such as \"/me\"".into());
    }
    if let Some(path) = &config.introspect
        && !path.starts_with('/')
    {
        wrong("introspect", "does not begin with `/`".into());
    }
    if let Err(text) = Blocked::new(&config.blocked_addresses, &config.blocked_users) {
        wrong("blocked_addresses", text);
    }
    for (key, span) in [
        ("poll_shortest", config.poll_shortest),
        ("upstream_timeout", config.upstream_timeout),
        ("stream_ping_every", config.stream_ping_every),
        ("session_time", config.session_time),
    ] {
        if span < SPAN_MIN {
            wrong(key, format!("is {span}; write at least {SPAN_MIN}"));
        }
    }
    if config.poll_every < config.poll_shortest || config.poll_longest < config.poll_every {
        wrong("poll_every", "is not between pogo.poll_shortest and pogo.poll_longest".into());
    }
    for (key, value) in [
        ("upstream_at_once_max", config.upstream_at_once_max),
        ("feeds_max", config.feeds_max),
        ("binds_max", config.binds_max),
        ("answer_bytes_max", config.answer_bytes_max.as_usize()),
        ("reads_at_once_max", config.reads_at_once_max as usize),
    ] {
        if value == 0 {
            wrong(key, "is 0; write at least 1".into());
        }
    }
}

/// A token that could be guessed is none.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_NEEDS: &str =
    "needs 16 characters or more of A-Z a-z 0-9 - . _ ~ + / = :; make one with `openssl rand -hex 20`";
/// The least of any span.
const SPAN_MIN: Span = Span::millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong(change: impl FnOnce(&mut PogoConfig)) -> Vec<String> {
        let mut section = PogoConfig::default();
        change(&mut section);
        let mut problems = Vec::new();
        section.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn every_problem_names_its_key() {
        assert_eq!(wrong(|_| ()), [""; 0]);
        let keys = wrong(|config| {
            config.upstream = Some("api".into());
            config.tls_listen.push("[::]:443".into());
            config.origins.push("example.com".into());
            config.deny.push("admin".into());
            config.tokens.push("short".into());
            config.push_token = Some("short".into());
            config.auth = AuthMode::Introspect;
            config.blocked_addresses.push("x".into());
            config.upstream_timeout = Span::millis(0);
            config.poll_every = Span::millis(0);
            config.binds_max = 0;
        });
        let expected = [
            "upstream",
            "tls_listen",
            "origins[1]",
            "deny[0]",
            "tokens[0]",
            "push_token",
            "introspect",
            "blocked_addresses",
            "upstream_timeout",
            "poll_every",
            "binds_max",
        ];
        assert_eq!(keys, expected.map(|key| format!("pogo.{key}")));
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = PogoConfig {
            tokens: vec!["hunter2".into()],
            push_token: Some("hunter2".into()),
            ..PogoConfig::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
