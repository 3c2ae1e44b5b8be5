//! What the operator allows. No I/O: the router asks it before it places a socket, the dialer before each step.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use polysocket_protocol::Word;

use crate::pattern::PortPattern;
use crate::{AddressClass, SetupError, Target, TargetPattern, TargetsConfig, address, classify, name};

/// Where names of the own machine lead, in the order in which they are tried.
pub(crate) const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What the operator allows.
#[derive(Debug, Clone)]
pub struct Policy {
    allow: Vec<TargetPattern>,
    deny: Vec<TargetPattern>,
    allow_private: Vec<TargetPattern>,
    loopback: bool,
}

/// Why a target may not be dialled. For the operator's log; a client is told the word only, since the
/// address behind a name of the operator's network is not its business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No pattern allows it.
    #[error("no pattern in targets.allow matches {target}")]
    NotAllowed {
        /// Scheme, host and port.
        target: String,
    },
    /// A pattern denies it.
    #[error("`{pattern}` in targets.deny matches {target}")]
    Denied {
        /// Scheme, host and port.
        target: String,
        /// The pattern as the operator may write it.
        pattern: String,
    },
    /// It is, or its name leads to, an address that is not public.
    #[error(
        "{target} is at {address}, a {class} address; \
         if it is meant to be dialled, name it in targets.allow_private, with its port"
    )]
    Address {
        /// Scheme, host and port.
        target: String,
        /// The first such address.
        address: IpAddr,
        /// Its class.
        class: AddressClass,
    },
}

impl Refused {
    /// What the client is told.
    pub fn word(&self) -> Word {
        Word::Forbidden
    }
}

impl Policy {
    /// As the configuration says. An error names the key.
    pub fn new(config: &TargetsConfig) -> Result<Self, SetupError> {
        let deny = parse("targets.deny", &config.deny)?;
        if let Some(pattern) = deny.iter().find(|pattern| pattern.has_path()) {
            return Err(SetupError::DeniedPath { pattern: pattern.to_string() });
        }
        Ok(Self {
            allow: parse("targets.allow", &config.allow)?,
            deny: deny.into_iter().map(on_every_port).collect(),
            allow_private: parse("targets.allow_private", &config.allow_private)?,
            loopback: false,
        })
    }

    /// Allows the own machine, as the development mode does.
    #[must_use]
    pub fn allow_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// Whether this target may be dialled, as far as can be said without looking up its name: what
    /// `targets.allow` and `targets.deny` say, and the address where the host is one or is `localhost`.
    pub fn check(&self, target: &Target) -> Result<(), Refused> {
        if !self.allow.iter().any(|pattern| pattern.matches(target)) {
            return Err(Refused::NotAllowed { target: target.to_string() });
        }
        if let Some(pattern) = self.deny.iter().find(|pattern| pattern.matches(target)) {
            return Err(denied(target, pattern));
        }
        let mut verdict = Ok(());
        for address in known_addresses(target).unwrap_or_default() {
            match self.check_address(target, address) {
                Ok(()) => return Ok(()),
                Err(refused) => verdict = verdict.and(Err(refused)),
            }
        }
        verdict
    }

    /// Whether this target may be dialled at this address.
    pub fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        let embedded = address::embedded_v4(address).map(IpAddr::V4);
        for reached in [Some(address), embedded].into_iter().flatten() {
            if let Some(pattern) = self.deny.iter().find(|pattern| pattern.matches_at(target, reached)) {
                return Err(denied(target, pattern));
            }
        }
        let class = classify(address);
        let allowed = class == AddressClass::Public
            || (class == AddressClass::Loopback && self.loopback)
            || self.allow_private.iter().any(|pattern| pattern.matches_at(target, address));
        if allowed { Ok(()) } else { Err(Refused::Address { target: target.to_string(), address, class }) }
    }
}

/// The addresses of a target that need no name server.
pub(crate) fn known_addresses(target: &Target) -> Option<Vec<IpAddr>> {
    match target.address() {
        Some(address) => Some(vec![address]),
        None => name::is_localhost(target.host_name()).then(|| LOCALHOST.to_vec()),
    }
}

fn parse(key: &'static str, patterns: &[String]) -> Result<Vec<TargetPattern>, SetupError> {
    let parse_one = |text: &String| text.parse().map_err(|error| SetupError::Pattern { key, error });
    patterns.iter().map(parse_one).collect()
}

/// A port that was left out means less where something is allowed, and more where it is denied.
fn on_every_port(pattern: TargetPattern) -> TargetPattern {
    if pattern.port() == PortPattern::Default { pattern.with_port(PortPattern::Any) } else { pattern }
}

fn denied(target: &Target, pattern: &TargetPattern) -> Refused {
    Refused::Denied { target: target.to_string(), pattern: pattern.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(ToString::to_string).collect()
    }

    fn policy(allow: &[&str], deny: &[&str], allow_private: &[&str]) -> Policy {
        let (allow, deny, allow_private) = (list(allow), list(deny), list(allow_private));
        Policy::new(&TargetsConfig { allow, deny, allow_private, ..TargetsConfig::default() }).unwrap()
    }

    fn check(policy: &Policy, url: &str) -> Result<(), Refused> {
        policy.check(&Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}")))
    }

    #[test]
    fn by_default_what_is_public() {
        let policy = Policy::new(&TargetsConfig::default()).unwrap();
        for url in
            ["ws://example.com/", "wss://example.com:8443/", "ws://8.8.8.8:25/", "ws://[2001:4860::1]/"]
        {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for url in [
            "ws://127.0.0.1/",
            "ws://127.1:81/",
            "ws://localhost:81/",
            "ws://LOCALHOST./",
            "ws://a.b.localhost/",
            "ws://%6cocalhost/",
            "ws://ⓛocalhost/",
            "ws://10.0.0.1/",
            "ws://[::1]/",
            "ws://[::]/",
            "ws://0/",
            "ws://[::ffff:169.254.169.254]/",
            "ws://[64:ff9b::a00:1]/",
        ] {
            assert!(matches!(check(&policy, url), Err(Refused::Address { .. })), "{url}");
        }
    }

    #[test]
    fn allow_is_exact_and_deny_is_wide_and_wins() {
        let policy = policy(&["example.com", "*.example.com:*"], &["bad.example.com", "*:25"], &[]);
        assert_eq!(check(&policy, "ws://example.com/"), Ok(()));
        assert_eq!(check(&policy, "ws://a.example.com:81/"), Ok(()));
        for url in ["ws://example.com:81/", "ws://example.org/", "ws://8.8.8.8/"] {
            assert!(matches!(check(&policy, url), Err(Refused::NotAllowed { .. })), "{url}");
        }
        for url in ["ws://bad.example.com/", "wss://BAD.example.com.:8443/x", "ws://a.example.com:25/"] {
            assert!(matches!(check(&policy, url), Err(Refused::Denied { .. })), "{url}");
        }
    }

    #[test]
    fn deny_holds_for_addresses_however_they_are_reached() {
        let policy = policy(&["*:*"], &["8.8.0.0/16"], &["*:*"]);
        let target = Target::parse("ws://name.example:81/").unwrap();
        for address in ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::", "::8.8.8.8"] {
            let verdict = policy.check_address(&target, address.parse().unwrap());
            assert!(matches!(verdict, Err(Refused::Denied { .. })), "{address}");
        }
        assert_eq!(policy.check_address(&target, "8.9.8.8".parse().unwrap()), Ok(()));
        assert!(check(&policy, "ws://8.8.1.1:99/").is_err());
    }

    #[test]
    fn private_by_name_or_network() {
        let policy = policy(&["*:*"], &[], &["10.0.0.0/8:81", "db.corp.example:81", "127.0.0.1:9"]);
        let at = |url: &str, address: &str| {
            policy.check_address(&Target::parse(url).unwrap(), address.parse().unwrap()).is_ok()
        };
        assert!(at("ws://any.example:81/", "10.1.1.1"));
        assert!(at("ws://any.example:81/", "::ffff:10.1.1.1"));
        assert!(!at("ws://any.example:82/", "10.1.1.1"), "another port");
        assert!(!at("ws://any.example:81/", "192.168.1.1"), "another network");
        assert!(!at("ws://any.example:81/", "64:ff9b::10.1.1.1"), "through a translator is another way in");
        assert!(at("ws://db.corp.example:81/", "192.168.1.1"));
        assert!(!at("ws://x.db.corp.example:81/", "192.168.1.1"));
        // One of the two addresses of localhost is enough.
        assert_eq!(check(&policy, "ws://localhost:9/"), Ok(()));
        assert!(check(&policy, "ws://[::1]:9/").is_err());
    }

    #[test]
    fn development_allows_the_own_machine_only() {
        let policy = Policy::new(&TargetsConfig::default()).unwrap().allow_loopback();
        for url in ["ws://127.0.0.1:81/", "ws://localhost:81/", "ws://[::1]/", "ws://[::ffff:127.0.0.1]/"] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for url in ["ws://0.0.0.0/", "ws://[::]/", "ws://192.168.0.1/", "ws://169.254.169.254/"] {
            assert!(check(&policy, url).is_err(), "{url}");
        }
    }

    #[test]
    fn refusals_tell_the_operator_and_not_the_client() {
        let policy = policy(&["*:*"], &["*.example.com"], &[]);
        let refused = check(&policy, "ws://10.0.0.1:81/secret?secret").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "ws://10.0.0.1:81 is at 10.0.0.1, a private address; \
             if it is meant to be dialled, name it in targets.allow_private, with its port"
        );
        assert_eq!(refused.word(), Word::Forbidden);
        let refused = check(&policy, "ws://a.example.com/secret").unwrap_err();
        assert_eq!(refused.to_string(), "`*.example.com:*` in targets.deny matches ws://a.example.com");
    }

    #[test]
    fn patterns_are_checked_with_the_configuration() {
        use polysocket_config::Section;
        let config = TargetsConfig {
            deny: list(&["example.com/admin"]),
            name_servers: list(&["dns.example"]),
            resolve_timeout: polysocket_config::Span::seconds(9),
            ..TargetsConfig::default()
        };
        let mut problems = Vec::new();
        config.check(&mut problems);
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["targets.deny", "targets.name_servers", "targets.resolve_timeout"]);

        let config = TargetsConfig { allow: list(&["a..b"]), ..TargetsConfig::default() };
        assert_eq!(Policy::new(&config).unwrap_err().key(), "targets.allow");
        problems.clear();
        TargetsConfig::default().check(&mut problems);
        assert!(problems.is_empty(), "{problems:?}");
    }
}
