//! What an operator may say to the bridge.

use std::path::PathBuf;

use polysocket_config::{Problem, Size, Span, section};
use polysocket_tokens::OriginPattern;

use crate::database::Address;
use crate::{Wire, name};

section! {
    /// PostgREST-WS: WebSockets that are channels of PostgreSQL's LISTEN and NOTIFY.
    pub struct PostgresConfig = "postgres" check check {
        /// Where it listens without TLS. Empty, and `tls_listen` too: not served.
        listen: Vec<String> = vec!["127.0.0.1:3000".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// The database: a URI (`postgres://user:password@host/database?sslmode=require`) or keywords (`host=… user=…`)
        /// as libpq takes them. `@` and a path: in that file. It has to be the primary; a pooler in transaction mode
        /// cannot be between.
        url: String = String::new(),
        /// The form of messages: `seed` is PostgREST-WS as it began, `current` is postgres-websockets as it is now.
        wire: Wire = Wire::Seed,
        /// The channel of the database on which envelopes that name their own channel come, in both forms; with
        /// `current` also where they go.
        listen_channel: String = "postgres-websockets-listener".into(),
        /// Whoever has subscribed to this channel is told of each new connection. Not set: nobody is.
        meta_channel: Option<String> = None,
        /// Tells of ended connections, too.
        meta_closes: bool = false,
        /// Clients may write to the meta channel, and so forge its events, as in the original.
        meta_writable: bool = false,
        /// A shared secret (HS256, and HS384 or HS512 if it is long enough), or a JWK, or a set of JWKs.
        jwt_secret: Option<String> = None,
        /// A file with the same.
        jwt_secret_file: Option<PathBuf> = None,
        /// The secret is in base64 or base64url.
        jwt_secret_base64: bool = false,
        /// Where the issuer's set of JWKs is: `https://…/.well-known/jwks.json`.
        jwks_url: Option<String> = None,
        /// The longest time for fetching it.
        jwks_timeout: Span = Span::seconds(5),
        /// The time after which it is fetched again. A token with a `kid` that is not in it makes that sooner.
        jwks_max_age: Span = Span::seconds(600),
        /// It is not fetched more often than that, whatever tokens come.
        jwks_refresh_floor: Span = Span::seconds(10),
        /// Refuses shared secrets of less than 32 bytes, which can be guessed from any token.
        jwt_strict: bool = false,
        /// `aud` of a token has to be, or to have, this. Not set: it is not looked at.
        jwt_audience: Option<String> = None,
        /// By how much clocks may differ.
        jwt_leeway: Span = Span::seconds(0),
        /// The claim with the mode (`r`, `w`, `rw`): a name, or a path as in `/app_metadata/mode`.
        claim_mode: String = "mode".into(),
        /// The claim with one channel.
        claim_channel: String = "channel".into(),
        /// The claim with a list of channels.
        claim_channels: String = "channels".into(),
        /// The claim with a list of patterns (`room:*`) that the channel of the URL may match.
        claim_patterns: String = "channel_patterns".into(),
        /// A token without any of these claims opens whatever channel its URL names.
        wildcard_tokens: bool = true,
        /// Until a token that is to be the first message is there.
        token_within: Span = Span::seconds(10),
        /// Pages that may connect: `https://app.example.com`, `https://*.example.com`, `null` or `*`.
        origins: Vec<String> = vec!["*".into()],
        /// Answers refused tokens with 401 and 403, and not all with 400 as the original does.
        strict_status: bool = false,
        /// Tells clients by `{"event":"Gap","channel":…}` when messages may have been lost.
        gap_events: bool = true,
        /// Takes binary messages for text and puts U+FFFD where they are none, as the original does. Without: base64.
        lossy_binary: bool = false,
        /// A folder whose files are served to requests that are for no WebSocket. Not set: `Hello, Web!`.
        root: Option<PathBuf> = None,
        /// The longest time for connecting to the database.
        connect_timeout: Span = Span::seconds(5),
        /// The pause after a first failure to connect; it doubles with each further one.
        retry_first: Span = Span::millis(250),
        /// The longest pause.
        retry_longest: Span = Span::seconds(10),
        /// Attempts in a row after which it is given up and the process ends; 0: never.
        attempts_max: u32 = 0,
        /// The longest time that the database may take for a statement.
        statement_timeout: Span = Span::seconds(5),
        /// How often the listening connection notifies itself, so that one that has become deaf is found.
        heartbeat_every: Span = Span::seconds(10),
        /// Until that must have come back; then the connection is made anew.
        heartbeat_within: Span = Span::seconds(5),
        /// Until a channel that is new to this node is listened to; then the handshake is answered with 503.
        listen_within: Span = Span::seconds(5),
        /// A channel that nobody has subscribed to for so long is not listened to any more.
        unlisten_after: Span = Span::seconds(10),
        /// Channels with subscribers on this node; above, handshakes for new ones are answered with 503.
        channels_max: usize = 20_000,
        /// How long a message may wait for the database; then its sender is told: by an event where it asked for
        /// events, else by closing with 1013.
        publish_within: Span = Span::seconds(60),
        /// Messages of one client that may wait for the database; what it says then is not read.
        pending_messages_max: usize = 64,
        /// Bytes of all messages that may wait for the database; clients with more to say are not read.
        queue_bytes_max: Size = Size::mib(16),
        /// Messages in one transaction.
        batch_messages_max: usize = 500,
        /// Puts messages that are too long for a notification into the table `polysocket_overflow`.
        overflow: bool = false,
        /// How long they stay there.
        overflow_keep: Span = Span::seconds(60),
        /// The longest message that goes there.
        overflow_bytes_max: Size = Size::mib(1),
        /// Delivers what is written to the table `polysocket_outbox`, and replays it to clients that ask with `since`.
        outbox: bool = false,
        /// How often it is looked for.
        outbox_poll_every: Span = Span::millis(100),
        /// Messages that one client is replayed at most; if there are more, or if they are more than half of
        /// `socket.queue_bytes_max`, it is told by an event `Gap`.
        outbox_replay_max: usize = 1_000,
    }
}

impl PostgresConfig {
    /// Whether there is anything to check a token with.
    pub fn has_key(&self) -> bool {
        self.jwt_secret.is_some() || self.jwt_secret_file.is_some() || self.jwks_url.is_some()
    }
}

fn check(config: &PostgresConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("postgres.{key}"), text));
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs postgres.tls_certificate and postgres.tls_private".into());
    }
    if !config.url.is_empty() {
        if let (false, Err(why)) = (config.url.starts_with('@'), Address::parse(&config.url)) {
            wrong("url", why);
        }
        if !config.has_key() {
            let text = "is not set, nor are jwt_secret_file and jwks_url, so no token could be checked";
            wrong("jwt_secret", text.into());
        }
    }
    if config.jwt_secret.is_some() && config.jwt_secret_file.is_some() {
        wrong("jwt_secret_file", "is set beside jwt_secret; write one of them".into());
    }
    if let Some(url) = &config.jwks_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        wrong("jwks_url", "is no http or https URL".into());
    }
    for (key, channel) in
        [("listen_channel", Some(&config.listen_channel)), ("meta_channel", config.meta_channel.as_ref())]
    {
        if channel.is_some_and(|channel| !name::is_valid(channel)) {
            wrong(key, format!("is no channel: a name has 1 to {} bytes", name::NAME_BYTES_MAX));
        }
    }
    for (index, pattern) in config.origins.iter().enumerate() {
        if let Err(text) = pattern.parse::<OriginPattern>() {
            wrong(&format!("origins[{index}]"), text);
        }
    }
    for (key, value) in [
        ("channels_max", config.channels_max),
        ("pending_messages_max", config.pending_messages_max),
        ("batch_messages_max", config.batch_messages_max),
        ("outbox_replay_max", config.outbox_replay_max),
    ] {
        if value == 0 {
            wrong(key, "is 0; write at least 1".into());
        }
    }
    if config.queue_bytes_max < Size::kib(64) {
        wrong("queue_bytes_max", "is less than 64KiB; write at least \"64KiB\"".into());
    }
    for (key, span) in [
        ("connect_timeout", config.connect_timeout),
        ("retry_first", config.retry_first),
        ("statement_timeout", config.statement_timeout),
        ("heartbeat_every", config.heartbeat_every),
        ("heartbeat_within", config.heartbeat_within),
        ("listen_within", config.listen_within),
        ("token_within", config.token_within),
        ("publish_within", config.publish_within),
        ("outbox_poll_every", config.outbox_poll_every),
    ] {
        if span < Span::millis(10) {
            wrong(key, format!("is {span}; write at least \"10ms\""));
        }
    }
    if config.retry_longest < config.retry_first {
        wrong("retry_longest", "is less than postgres.retry_first, from which pauses grow".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong(change: impl FnOnce(&mut PostgresConfig)) -> Vec<String> {
        let mut section = PostgresConfig::default();
        change(&mut section);
        let mut problems = Vec::new();
        section.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn every_problem_names_its_key() {
        assert_eq!(wrong(|_| ()), [""; 0]);
        let good = |config: &mut PostgresConfig| {
            config.url = "postgres://localhost/db".into();
            config.jwt_secret = Some("secret".into());
        };
        assert_eq!(wrong(good), [""; 0]);
        let keys = wrong(|config| {
            config.tls_listen.push("[::]:443".into());
            config.url = "host".into();
            config.jwks_url = Some("ftp://x".into());
            config.meta_channel = Some("x".repeat(64));
            config.origins.push("example.com".into());
            config.batch_messages_max = 0;
            config.queue_bytes_max = Size::kib(1);
            config.heartbeat_within = Span::millis(0);
            config.retry_longest = Span::millis(20);
        });
        let expected = [
            "tls_listen",
            "url",
            "jwks_url",
            "meta_channel",
            "origins[1]",
            "batch_messages_max",
            "queue_bytes_max",
            "heartbeat_within",
            "retry_longest",
        ];
        assert_eq!(keys, expected.map(|key| format!("postgres.{key}")));
        assert_eq!(wrong(|config| config.url = "host=localhost".into()), ["postgres.jwt_secret"]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = PostgresConfig {
            url: "postgres://me:hunter2@localhost/db".into(),
            jwt_secret: Some("hunter2".into()),
            ..PostgresConfig::default()
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
