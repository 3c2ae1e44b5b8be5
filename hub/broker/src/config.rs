//! The `broker` section of the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use polysocket_config::{Problem, Size, Span};
use polysocket_redis::{Authorities, Listener, Options, Redis};

use crate::BrokerError;

/// The value of `broker.url` that stands for no server at all.
pub(crate) const MEMORY: &str = "memory";
/// Longest `broker.prefix`, bytes.
const PREFIX_BYTES_MAX: usize = 64;
/// Most messages of a history; a subscriber that missed them all gets them in one go.
const HISTORY_COUNT_MAX: usize = 10_000;

polysocket_config::section! {
    /// Where the hub's channels live.
    pub struct BrokerConfig = "broker" check check {
        /// `memory` for a single process, or the URL of a Redis 6.2 or later: `redis://[user:password@]host:port/db`; `redis-sentinel://[user:password@]host:port,host:port/service/db`; `redis-cluster://[user:password@]host:port,host:port`. With `rediss` in the place of `redis`: TLS.
        url: String = MEMORY.to_owned(),
        /// With TLS: the certificates (PEM) of the authorities that may have signed those of the Redis servers and Sentinels. Without it the system's are believed. Read when the process starts.
        redis_ca: Option<PathBuf> = None,
        /// What every key and channel in Redis starts with; one per installation.
        prefix: String = "polysocket:".to_owned(),
        /// How long any command may take.
        command_timeout: Span = Span::seconds(2),
        /// Longest message.
        message_bytes_max: Size = Size::kib(256),
        /// Messages of one channel that are kept for those who were away; 0 keeps none.
        history_count: usize = 100,
        /// How long they are kept.
        history_age: Span = Span::seconds(300),
        /// In memory: all histories together. The channels not used for longest lose theirs first.
        history_bytes_max: Size = Size::mib(256),
        /// Channels with subscribers in one process; also how many of a mount are remembered as known. Those not used for longest are forgotten first.
        topics_max: usize = 100_000,
        /// How long a channel nobody uses is known.
        known_age: Span = Span::seconds(86_400),
        /// How long a channel without subscribers is still followed, so that a page that is reloaded costs little.
        topic_linger: Span = Span::seconds(5),
        /// Members of one channel.
        members_max: usize = 10_000,
        /// Messages that wait to be delivered by this process. In memory publishers wait then; with Redis channels are caught up from their history.
        backlog_bytes_max: Size = Size::mib(64),
        /// How long subscribers and members of a process that has died still count. Renewed three times as often.
        lease_time: Span = Span::seconds(15),
    }
}

impl BrokerConfig {
    /// Each process has its own, and there is no other node.
    pub fn is_memory(&self) -> bool {
        self.url == MEMORY
    }

    /// The Redis of `broker.url`, also for those who keep more in it than topics. Begins to connect.
    ///
    /// # Errors
    /// [`BrokerError::Invalid`] when a key cannot be used; for `memory` too.
    pub fn redis(&self, listener: Arc<dyn Listener>) -> Result<Redis, BrokerError> {
        let options = Options { url: self.url.clone(), command_timeout: self.command_timeout.as_duration() };
        let authorities = self.redis_ca.as_deref().map(Authorities::read).transpose();
        let authorities =
            authorities.map_err(|error| BrokerError::Invalid(format!("broker.redis_ca: {error}")))?;
        Redis::open_with(&options, authorities, listener)
            .map_err(|error| BrokerError::Invalid(format!("broker.url: {error}")))
    }
}

fn check(config: &BrokerConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(key, text));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":_-.".contains(&b);
    if config.prefix.is_empty() || config.prefix.len() > PREFIX_BYTES_MAX || !config.prefix.bytes().all(plain)
    {
        wrong("broker.prefix", format!("use 1 to {PREFIX_BYTES_MAX} of A-Z a-z 0-9 : _ - ."));
    }
    if config.url != MEMORY && polysocket_redis::check_url(&config.url).is_err() {
        // The value is not repeated: it may hold a password.
        wrong("broker.url", "write `memory`, or a URL such as redis://127.0.0.1:6379/0".to_owned());
    }
    if config.redis_ca.is_some() && !config.url.starts_with("rediss") {
        let text = "is for TLS, which broker.url does not ask for; write `rediss` there, or leave this out";
        wrong("broker.redis_ca", text.to_owned());
    }
    if config.command_timeout < Span::millis(10) || config.command_timeout > Span::seconds(60) {
        wrong("broker.command_timeout", "use 10ms to 60s".to_owned());
    }
    if config.message_bytes_max.as_usize() == 0 {
        wrong("broker.message_bytes_max", "use 1 or more".to_owned());
    }
    if config.history_count > HISTORY_COUNT_MAX {
        wrong("broker.history_count", format!("use 0 to {HISTORY_COUNT_MAX}"));
    }
    if config.history_age < Span::seconds(1) {
        wrong("broker.history_age", "use 1s or more".to_owned());
    }
    if config.known_age < config.history_age {
        wrong("broker.known_age", "use broker.history_age or more".to_owned());
    }
    if config.backlog_bytes_max.as_usize() / 4 < config.message_bytes_max.as_usize() {
        wrong("broker.backlog_bytes_max", "use at least four times broker.message_bytes_max".to_owned());
    }
    for (key, number) in
        [("broker.topics_max", config.topics_max), ("broker.members_max", config.members_max)]
    {
        if number == 0 {
            wrong(key, "use 1 or more".to_owned());
        }
    }
    if config.lease_time < Span::seconds(1) {
        wrong("broker.lease_time", "use 1s or more".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_for_tls() {
        let wrong = |url: &str| {
            let (url, redis_ca) = (url.to_owned(), Some("ca.pem".into()));
            let mut problems = Vec::new();
            check(&BrokerConfig { url, redis_ca, ..BrokerConfig::default() }, &mut problems);
            problems.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
        };
        for url in ["memory", "redis://a", "redis-sentinel://a/main", "redis-cluster://a"] {
            assert_eq!(wrong(url), ["broker.redis_ca"], "{url}");
        }
        for url in ["rediss://a", "rediss-sentinel://a/main", "rediss-cluster://a"] {
            assert_eq!(wrong(url), [""; 0], "{url}");
        }
    }
}
