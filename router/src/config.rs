//! What an operator may say to a router.

use std::path::PathBuf;

use polysocket_config::{Problem, Size, Span, section};
use polysocket_tokens::OriginPattern;

/// A nonce is remembered for longer than this (`nonce::REMEMBERED`), so that a repeat finds a create that is still
/// under way.
pub(crate) const CREATE_TIMEOUT_MAX: Span = Span::seconds(10);

section! {
    /// A router: checks tokens, picks relays and has them open the targets.
    pub struct RouterConfig = "router" check check_router {
        /// Where it listens without TLS. Old engines without TLS 1.2 can come by this one only.
        listen: Vec<String> = vec!["127.0.0.1:8080".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// Takes everybody, when there is nothing to check a token with. Without it such a router does not start.
        anonymous: bool = false,
        /// From the first byte of a create to its answer, the target's handshake included; at most 10s.
        create_timeout: Span = Span::seconds(5),
        /// How often the table of relays is read.
        directory_every: Span = Span::millis(500),
        /// Pages that may read answers by fetch and XHR (CORS): `https://app.example.com`, `https://*.example.com`, `null`
        /// or `*`. Scripts (JSONP) know no such limit: what a page may create is for its token to say.
        origins: Vec<String> = vec!["*".into()],
        /// The body of a create.
        body_bytes_max: Size = Size::kib(16),
        /// Answers JSONP. Without it, engines that have nothing else are refused.
        jsonp: bool = true,
        /// Creates under way at the same time; above, `no-capacity`.
        creates_at_once_max: usize = 2000,
        /// After SIGTERM: how long creates that have begun may take to end.
        drain_timeout: Span = Span::seconds(10),
    }
}

fn check_router(config: &RouterConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("router.{key}"), text));
    if config.listen.is_empty() && config.tls_listen.is_empty() {
        wrong(
            "listen",
            "is empty, and so is router.tls_listen; write at least one address, as in \"0.0.0.0:80\"".into(),
        );
    }
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs router.tls_certificate and router.tls_private".into());
    }
    if config.create_timeout < Span::millis(100) || config.create_timeout > CREATE_TIMEOUT_MAX {
        wrong("create_timeout", format!("is {}; use 100ms to {CREATE_TIMEOUT_MAX}", config.create_timeout));
    }
    if config.directory_every < Span::millis(50) || config.directory_every > Span::seconds(5) {
        wrong("directory_every", format!("is {}; use 50ms to 5s", config.directory_every));
    }
    for (index, pattern) in config.origins.iter().enumerate() {
        if let Err(text) = pattern.parse::<OriginPattern>() {
            wrong(&format!("origins[{index}]"), text);
        }
    }
    if config.body_bytes_max < Size::kib(4) {
        wrong(
            "body_bytes_max",
            "is less than 4KiB, and a target alone may have 2KiB; write at least \"4KiB\"".into(),
        );
    }
    if config.creates_at_once_max == 0 {
        wrong("creates_at_once_max", "is 0, so no socket could be opened; write at least 1".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn wrong_keys(change: impl FnOnce(&mut RouterConfig)) -> Vec<String> {
        let mut config = RouterConfig::default();
        change(&mut config);
        let mut problems = Vec::new();
        config.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn every_problem_names_its_key() {
        assert_eq!(wrong_keys(|_| ()), Vec::<String>::new());
        assert_eq!(wrong_keys(|config| config.listen.clear()), ["router.listen"]);
        assert_eq!(wrong_keys(|config| config.tls_listen.push("[::]:443".into())), ["router.tls_listen"]);
        assert_eq!(wrong_keys(|config| config.create_timeout = Span::seconds(11)), ["router.create_timeout"]);
        assert_eq!(
            wrong_keys(|config| config.directory_every = Span::seconds(0)),
            ["router.directory_every"]
        );
        assert_eq!(wrong_keys(|config| config.origins.push("example.com".into())), ["router.origins[1]"]);
        assert_eq!(wrong_keys(|config| config.body_bytes_max = Size::bytes(9)), ["router.body_bytes_max"]);
        assert_eq!(wrong_keys(|config| config.creates_at_once_max = 0), ["router.creates_at_once_max"]);
    }
}
