//! Names to addresses: one resolver with one cache for the whole process.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{ResolverBuilder, TokioResolver};

use crate::{DialError, Phase, SetupError, Target, TargetsConfig};

const DNS_PORT: u16 = 53;
/// Answers in the cache, A and AAAA apart. At about half a KiB each it stays under 4 MiB.
const CACHE_ANSWERS: u64 = 8192;
/// Queries after the first that got no answer; the time for all of them is `targets.resolve_timeout`.
const RETRIES: usize = 1;

pub(crate) struct Resolver {
    resolver: TokioResolver,
    timeout: std::time::Duration,
}

impl Resolver {
    pub(crate) fn new(config: &TargetsConfig) -> Result<Self, SetupError> {
        let timeout = config.resolve_timeout.as_duration();
        let mut builder = builder(config)?;
        let options = builder.options_mut();
        // A first: where both lookups fail, it is the first one's error that is told.
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = if config.hosts_file { ResolveHosts::Always } else { ResolveHosts::Never };
        options.attempts = RETRIES;
        options.timeout = timeout / 2;
        options.cache_size = CACHE_ANSWERS;
        options.positive_max_ttl = Some(config.ttl_max.as_duration());
        options.negative_max_ttl = Some(config.negative_ttl_max.as_duration());
        let resolver = builder.build().map_err(|error| SetupError::Resolver(error.into()))?;
        Ok(Self { resolver, timeout })
    }

    /// Every address of the target's name: one lookup of A and AAAA each, or the hosts file, or the cache.
    /// The name is taken as complete; search domains of the system are not tried.
    pub(crate) async fn lookup(&self, target: &Target) -> Result<Vec<IpAddr>, DialError> {
        let name = target.host_name();
        let failed = |source: NetError| match source {
            NetError::Dns(DnsError::NoRecordsFound(_)) => DialError::NameNotFound { name: name.into() },
            NetError::Timeout => timed_out(target),
            source => DialError::ResolverFailed { name: name.into(), source: source.into() },
        };
        // Labels as they are: the textual form would give `\` a meaning.
        let mut query =
            Name::from_labels(name.split('.').map(str::as_bytes)).map_err(|e| failed(e.into()))?;
        query.set_fqdn(true);
        let answer = tokio::time::timeout(self.timeout, self.resolver.lookup_ip(query)).await;
        let addresses: Vec<_> = answer.map_err(|_| timed_out(target))?.map_err(failed)?.iter().collect();
        if addresses.is_empty() { Err(DialError::NameNotFound { name: name.into() }) } else { Ok(addresses) }
    }
}

fn timed_out(target: &Target) -> DialError {
    DialError::TimedOut { target: target.origin().into(), phase: Phase::Resolve }
}

fn builder(config: &TargetsConfig) -> Result<ResolverBuilder<TokioRuntimeProvider>, SetupError> {
    let given = |servers| {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    if !config.name_servers.is_empty() {
        let addresses = parse_name_servers(&config.name_servers)?;
        return Ok(given(addresses.into_iter().map(name_server).collect()));
    }
    Ok(TokioResolver::builder_tokio().unwrap_or_else(|error| {
        // A development machine without a network; addresses, `localhost` and the hosts file still work.
        tracing::warn!(%error, "no name servers of the system; names cannot be looked up: see targets.name_servers");
        given(Vec::new())
    }))
}

pub(crate) fn parse_name_servers(texts: &[String]) -> Result<Vec<SocketAddr>, SetupError> {
    let parse = |text: &String| {
        let with_port = text.parse::<SocketAddr>();
        with_port
            .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT)))
            .map_err(|_| SetupError::NameServer { text: text.clone() })
    };
    texts.iter().map(parse).collect()
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn name_servers_as_operators_write_them() {
        let texts = ["10.0.0.2", "10.0.0.2:5353", "fd00::2", "[fd00::2]:54"].map(str::to_owned);
        let shown: Vec<_> = parse_name_servers(&texts).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.2:53", "10.0.0.2:5353", "[fd00::2]:53", "[fd00::2]:54"]);
        for text in ["dns.example", "10.0.0.2:", "10.0.0.2:99999", ""] {
            let error = parse_name_servers(&[text.to_owned()]).unwrap_err();
            assert_eq!(error.key(), "targets.name_servers");
        }
    }
}
