//! The section `targets` of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use polysocket_config::{Problem, Span, section};

use crate::{Policy, resolve};

section! {
    /// Which targets may be dialled, and how. Patterns are `[scheme://]host[:port][/path]`: the host a name,
    /// `*.` and a name, `*`, an address or a network (`10.0.0.0/8`, `[fd00::]/8`); the port a number or `*`,
    /// without one the scheme's; the path a prefix.
    pub struct TargetsConfig = "targets" check check {
        /// Targets that may be dialled; tokens can only narrow this. The default is all that are public.
        /// Networks mean targets that are written as an address here.
        allow: Vec<String> = vec!["*:*".into()],
        /// Targets that may not, whatever else is said. Without a port: on every port. Networks also hold
        /// for names that lead there. No paths.
        deny: Vec<String> = Vec::new(),
        /// Targets that may be at an address that is not public (the own machine, private networks,
        /// link-local, …). A name allows whatever address it has; a network allows all names that lead into it.
        /// They must be in `allow` too. Without a port: on the scheme's only.
        allow_private: Vec<String> = Vec::new(),
        /// A PEM file with certificate authorities for `wss` targets, beside the system's and Mozilla's.
        upstream_ca: Option<PathBuf> = None,
        /// Time for a connection to a target: looking up its name, TCP and TLS together.
        connect_timeout: Span = Span::seconds(4),
        /// Time for looking up a name.
        resolve_timeout: Span = Span::seconds(2),
        /// Name servers, `address` or `address:port`. Empty: those of `/etc/resolv.conf`.
        name_servers: Vec<String> = Vec::new(),
        /// Whether `/etc/hosts` counts. It is read once, at start.
        hosts_file: bool = true,
        /// Answers of name servers are kept for at most this time.
        ttl_max: Span = Span::seconds(60),
        /// "There is no such name" is kept for at most this time.
        negative_ttl_max: Span = Span::seconds(5),
    }
}

fn check(config: &TargetsConfig, problems: &mut Vec<Problem>) {
    if let Err(error) = Policy::new(config) {
        problems.push(Problem::new(error.key(), error.to_string()));
    }
    if let Err(error) = resolve::parse_name_servers(&config.name_servers) {
        problems.push(Problem::new("targets.name_servers", error.to_string()));
    }
    let spans = [("connect_timeout", config.connect_timeout), ("resolve_timeout", config.resolve_timeout)];
    for (key, span) in spans {
        if span.as_duration() == Duration::ZERO {
            problems.push(Problem::new(&format!("targets.{key}"), "no target can be dialled in no time"));
        }
    }
    if config.resolve_timeout > config.connect_timeout {
        problems.push(Problem::new(
            "targets.resolve_timeout",
            "it is part of targets.connect_timeout; make it less",
        ));
    }
}
