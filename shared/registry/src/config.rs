//! The `registry` section of the configuration.

use polysocket_config::{Problem, Span};

/// The value of `registry.url` that stands for no server at all.
pub(crate) const MEMORY: &str = "memory";
/// Longest `registry.prefix`, bytes.
const PREFIX_BYTES_MAX: usize = 64;

polysocket_config::section! {
    /// Where routers and relays meet.
    pub struct RegistryConfig = "registry" check check {
        /// `memory` for a single process, or the URL of a Redis 6 or later: `redis://[user:password@]host:port/db`, `rediss://` with TLS.
        url: String = MEMORY.to_owned(),
        /// What every key and channel in Redis starts with; one per installation.
        prefix: String = "polysocket:".to_owned(),
        /// How long any command may take. A router answers within twice this time when Redis is down.
        command_timeout: Span = Span::millis(500),
        /// How long a relay that has gone silent is still believed to be there.
        lease_time: Span = Span::seconds(3),
        /// How often a relay renews its lease.
        renew_every: Span = Span::seconds(1),
        /// How long a socket still counts against its token after its relay has gone silent.
        socket_lease_time: Span = Span::seconds(15),
    }
}

fn check(config: &RegistryConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(key, text));
    if config.url != MEMORY && crate::redis::client(&config.url).is_err() {
        // The value is not repeated: it may hold a password.
        wrong("registry.url", "write `memory`, or a URL such as redis://127.0.0.1:6379/0".to_owned());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":_-.".contains(&b);
    if config.prefix.is_empty() || config.prefix.len() > PREFIX_BYTES_MAX || !config.prefix.bytes().all(plain)
    {
        wrong("registry.prefix", format!("use 1 to {PREFIX_BYTES_MAX} of A-Z a-z 0-9 : _ - ."));
    }
    if config.command_timeout < Span::millis(10) || config.command_timeout > Span::seconds(10) {
        wrong("registry.command_timeout", "use 10ms to 10s".to_owned());
    }
    if config.renew_every < Span::millis(10) {
        wrong("registry.renew_every", "use 10ms or more".to_owned());
    }
    // One lost renewal must not cost a lease.
    for (key, time) in
        [("registry.lease_time", config.lease_time), ("registry.socket_lease_time", config.socket_lease_time)]
    {
        if time.as_millis() < config.renew_every.as_millis().saturating_mul(2) {
            wrong(key, "use at least twice registry.renew_every".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong_keys(change: impl FnOnce(&mut RegistryConfig)) -> Vec<String> {
        let mut config = RegistryConfig::default();
        change(&mut config);
        let mut problems = Vec::new();
        config.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn the_defaults_and_real_urls_pass() {
        assert!(wrong_keys(|_| ()).is_empty());
        for url in ["redis://127.0.0.1:6379/0", "rediss://user:pw@redis.example.com:6380", "redis://[::1]"] {
            assert!(wrong_keys(|c| c.url = url.to_owned()).is_empty(), "{url}");
        }
    }

    #[test]
    fn names_the_key_that_is_wrong() {
        for url in ["", "memcached", "http://127.0.0.1", "redis+unix:///run/redis.sock", "redis://h:port"] {
            assert_eq!(wrong_keys(|c| c.url = url.to_owned()), ["registry.url"], "{url}");
        }
        assert_eq!(wrong_keys(|c| c.prefix = "a{b}".to_owned()), ["registry.prefix"]);
        assert_eq!(wrong_keys(|c| c.command_timeout = Span::millis(0)), ["registry.command_timeout"]);
        assert_eq!(wrong_keys(|c| c.lease_time = Span::millis(1500)), ["registry.lease_time"]);
        assert_eq!(wrong_keys(|c| c.socket_lease_time = Span::seconds(1)), ["registry.socket_lease_time"]);
    }

    #[test]
    fn a_problem_does_not_repeat_a_password() {
        let config =
            RegistryConfig { url: "redis://:hunter2@h:port".to_owned(), ..RegistryConfig::default() };
        let mut problems = Vec::new();
        config.check(&mut problems);
        assert_eq!(problems.len(), 1);
        assert!(!format!("{problems:?} {config:?}").contains("hunter2"));
    }
}
