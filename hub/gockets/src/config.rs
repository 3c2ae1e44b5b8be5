//! What an operator may say to Gockets.

use std::path::PathBuf;

use polysocket_config::{Problem, Size, Span, section};
use polysocket_tokens::OriginPattern;

use crate::hooks::Secret;
use crate::hooks::dead::DeadBounds;
use crate::hooks::queue::{Backoff, Bounds};

/// Longest `wait` of a long poll: proxies on the way give up after a minute.
pub(crate) const POLL_TIME_MAX: Span = Span::seconds(50);
/// The broker's counts of listeners on other nodes may be so old; less could tell a channel empty that is not.
const EMPTY_AFTER_MIN: Span = Span::millis(10);

section! {
    /// Gockets: channels that are published to by REST.
    pub struct GocketsConfig = "gockets" check check {
        /// Where it listens without TLS. Empty, and `tls_listen` too: not served.
        listen: Vec<String> = vec!["127.0.0.1:8844".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// Host names by which administrative routes (all but subscribing) may be asked for. `localhost` is for this
        /// machine only; another name also for the machines it resolves to. Empty: by `admin_token` only.
        admin_hosts: Vec<String> = vec!["localhost".into()],
        /// Takes administrative requests from any address, if the host name is right.
        admin_any_peer: bool = false,
        /// Takes administrative requests from anywhere with `Authorization: Bearer` and this. At least 16 characters.
        admin_token: Option<String> = None,
        /// Takes administrative requests from everybody, whatever they ask for: for a network of its own only.
        admin_open: bool = false,
        /// Answers 200 where a key is not known, as the first version of the original did, and not 404.
        legacy_status: bool = false,
        /// Pages that may subscribe: `https://app.example.com`, `https://*.example.com`, `null` or `*`. What is no
        /// page sends no `Origin` and may always.
        origins: Vec<String> = vec!["*".into()],
        /// Channels at the same time; above, `prepare` is answered with 429.
        channels_max: usize = 100_000,
        /// The longest message that may be published; `broker.message_bytes_max` holds too.
        message_bytes_max: Size = Size::kib(256),
        /// Long polls and event streams at the same time; above, 503.
        streams_max: usize = 20_000,
        /// What may wait for an event stream that takes less than it is sent; above, it is ended and its client, which
        /// comes back by itself, recovers what it missed.
        stream_queue_bytes_max: Size = Size::mib(1),
        /// How often an event stream says something when there is nothing to say.
        stream_ping_every: Span = Span::seconds(25),
        /// Messages that one long poll is answered with at most.
        poll_messages_max: usize = 100,
        /// For how long a channel is taken as it was last read, when a listener sends a message: the time after which
        /// another node's edit counts.
        cache_time: Span = Span::seconds(1),
    }
}

section! {
    /// Hooks of Gockets: where messages of listeners are posted to. Where they may lead is said by `targets`.
    pub struct HooksConfig = "gockets_hooks" check check_hooks {
        /// Secrets (`whsec_` and base64) that sign for channels without one of their own, as in Standard Webhooks.
        /// Every one of them signs, so that they can be changed: add the new one, change receivers, take the old away.
        secrets: Vec<String> = Vec::new(),
        /// One attempt: name look-up, TLS, the request and its answer.
        timeout: Span = Span::seconds(10),
        /// The pause after a first failure; it doubles with each further one.
        retry_first: Span = Span::seconds(1),
        /// The longest pause.
        retry_longest: Span = Span::seconds(30),
        /// What fails when it is so old becomes a dead letter.
        give_up_after: Span = Span::seconds(86_400),
        /// Deliveries that wait for one channel's hook; what comes above becomes a dead letter.
        channel_count_max: usize = 10_000,
        /// Their bytes, with 512 for each delivery.
        channel_bytes_max: Size = Size::mib(16),
        /// Deliveries that wait for all hooks of this node.
        count_max: usize = 100_000,
        /// Their bytes, with 512 for each delivery.
        bytes_max: Size = Size::mib(128),
        /// Attempts at the same time.
        at_once_max: usize = 64,
        /// Attempts at the same time to one scheme, host and port.
        host_at_once_max: usize = 16,
        /// The longest answer of a hook that is passed on to its client or channel.
        answer_bytes_max: Size = Size::kib(64),
        /// Dead letters that are kept for one channel; the oldest make way.
        dead_channel_count_max: usize = 1_000,
        /// Dead letters that are kept for all channels of this node.
        dead_count_max: usize = 10_000,
        /// Their bytes.
        dead_bytes_max: Size = Size::mib(32),
        /// How long a channel is without listeners before it is told to be empty: a page that is loaded anew is no
        /// news. With several nodes at least 5s, for they know each other's listeners a few seconds later.
        empty_after: Span = Span::seconds(5),
        /// After SIGTERM: how long what waits may take to be posted.
        drain_timeout: Span = Span::seconds(5),
    }
}

impl HooksConfig {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            lane_count_max: self.channel_count_max,
            lane_bytes_max: self.channel_bytes_max.as_usize(),
            count_max: self.count_max,
            bytes_max: self.bytes_max.as_usize(),
            at_once_max: self.at_once_max,
            host_at_once_max: self.host_at_once_max,
        }
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff {
            first: self.retry_first.as_duration(),
            longest: self.retry_longest.as_duration(),
            give_up_after: self.give_up_after.as_duration(),
        }
    }

    pub(crate) fn dead_bounds(&self) -> DeadBounds {
        DeadBounds {
            lane_count_max: self.dead_channel_count_max,
            count_max: self.dead_count_max,
            bytes_max: self.dead_bytes_max.as_usize(),
        }
    }
}

fn check(config: &GocketsConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("gockets.{key}"), text));
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs gockets.tls_certificate and gockets.tls_private".into());
    }
    for (index, host) in config.admin_hosts.iter().enumerate() {
        if host.is_empty() || host.contains(['/', ':', '@', '*', ' ']) {
            let key = format!("admin_hosts[{index}]");
            wrong(&key, format!("`{host}` is no host name; write a name alone, as in \"localhost\""));
        }
    }
    if config.admin_token.as_ref().is_some_and(|token| token.len() < 16) {
        wrong("admin_token", "is shorter than 16 characters; make one with `openssl rand -hex 16`".into());
    }
    if config.admin_hosts.is_empty() && config.admin_token.is_none() && !config.admin_open {
        wrong("admin_hosts", "is empty, and there is no gockets.admin_token, so nobody could publish".into());
    }
    for (index, pattern) in config.origins.iter().enumerate() {
        if let Err(text) = pattern.parse::<OriginPattern>() {
            wrong(&format!("origins[{index}]"), text);
        }
    }
    for (key, value) in [
        ("channels_max", config.channels_max),
        ("streams_max", config.streams_max),
        ("poll_messages_max", config.poll_messages_max),
    ] {
        if value == 0 {
            wrong(key, "is 0; write at least 1".into());
        }
    }
    if config.stream_ping_every < Span::millis(10) {
        wrong("stream_ping_every", "is less than 10ms; write for example \"25s\"".into());
    }
}

fn check_hooks(config: &HooksConfig, problems: &mut Vec<Problem>) {
    let mut wrong =
        |key: &str, text: String| problems.push(Problem::new(&format!("gockets_hooks.{key}"), text));
    for (index, secret) in config.secrets.iter().enumerate() {
        if let Err(error) = Secret::parse(secret) {
            wrong(&format!("secrets[{index}]"), error.to_string());
        }
    }
    for (key, span) in [
        ("timeout", config.timeout),
        ("retry_first", config.retry_first),
        ("empty_after", config.empty_after),
    ] {
        if span < EMPTY_AFTER_MIN {
            wrong(key, format!("is {span}; write at least {EMPTY_AFTER_MIN}"));
        }
    }
    if config.retry_longest < config.retry_first {
        wrong("retry_longest", "is less than gockets_hooks.retry_first, from which pauses grow".into());
    }
    for (key, value) in [
        ("channel_count_max", config.channel_count_max),
        ("count_max", config.count_max),
        ("at_once_max", config.at_once_max),
        ("host_at_once_max", config.host_at_once_max),
    ] {
        if value == 0 {
            wrong(key, "is 0, so nothing could be posted; write at least 1".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong<S: Section>(change: impl FnOnce(&mut S)) -> Vec<String> {
        let mut section = S::default();
        change(&mut section);
        let mut problems = Vec::new();
        section.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn every_problem_names_its_key() {
        assert_eq!(wrong::<GocketsConfig>(|_| ()), [""; 0]);
        assert_eq!(wrong::<HooksConfig>(|_| ()), [""; 0]);
        let keys = wrong::<GocketsConfig>(|config| {
            config.tls_listen.push("[::]:443".into());
            config.admin_hosts.push("localhost:8844".into());
            config.admin_token = Some("short".into());
            config.origins.push("example.com".into());
            config.channels_max = 0;
            config.stream_ping_every = Span::millis(0);
        });
        let expected = [
            "gockets.tls_listen",
            "gockets.admin_hosts[1]",
            "gockets.admin_token",
            "gockets.origins[1]",
            "gockets.channels_max",
            "gockets.stream_ping_every",
        ];
        assert_eq!(keys, expected);
        assert_eq!(wrong::<GocketsConfig>(|config| config.admin_hosts.clear()), ["gockets.admin_hosts"]);
        let keys = wrong::<HooksConfig>(|config| {
            config.secrets.push("hunter2".into());
            config.timeout = Span::millis(0);
            config.retry_longest = Span::millis(1);
            config.host_at_once_max = 0;
        });
        let expected = ["secrets[0]", "timeout", "retry_longest", "host_at_once_max"];
        assert_eq!(keys, expected.map(|key| format!("gockets_hooks.{key}")));
    }

    #[test]
    fn secrets_are_not_shown() {
        let hooks = HooksConfig { secrets: vec!["whsec_hunter2".into()], ..HooksConfig::default() };
        let gockets = GocketsConfig { admin_token: Some("hunter2".into()), ..GocketsConfig::default() };
        assert!(!format!("{hooks:?}{gockets:?}").contains("hunter2"));
    }
}
