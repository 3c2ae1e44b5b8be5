//! From a target to a connection: check, look up once, vet every address, dial one of those.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::resolve::Resolver;
use crate::{DialError, Phase, Policy, SetupError, Target, TargetsConfig, UpstreamStream, policy, race, tls};

/// Addresses that are dialled, of those a name has. All are vetted, but a page must not be able to have a
/// hundred machines knocked at by one name.
const ADDRESSES_DIALLED_MAX: usize = 6;

/// Dials targets. One for the whole process: it holds the resolver's cache and the TLS sessions.
pub struct Dialer {
    policy: Policy,
    resolver: Resolver,
    tls: TlsConnector,
    timeout: Duration,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    /// The connection; after the TLS handshake where the target wants TLS.
    pub stream: UpstreamStream,
    /// The vetted address that it goes to.
    pub address: SocketAddr,
}

/// Addresses that one answer gave for a target and the policy let pass: at least one, at most six. Only
/// [`Dialer::vet`] makes them and only they are dialled, so there is no way around the vetting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vetted(Vec<SocketAddr>);

impl Vetted {
    /// In the order in which they are dialled.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

impl Dialer {
    /// Reads the certificate authorities, and the system's name servers and hosts file where the
    /// configuration wants them.
    pub fn new(policy: Policy, config: &TargetsConfig) -> Result<Self, SetupError> {
        Ok(Self {
            policy,
            resolver: Resolver::new(config)?,
            tls: tls::connector(config)?,
            timeout: config.connect_timeout.as_duration(),
        })
    }

    /// What it was built with, for checks without a lookup.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The addresses at which this target may be dialled, from one lookup.
    ///
    /// If one address of the answer is refused, so is the target: a name with public and private addresses
    /// is an attempt at rebinding, and whoever controls it may choose which of them works.
    pub async fn vet(&self, target: &Target) -> Result<Vetted, DialError> {
        self.policy.check(target)?;
        let addresses = if let Some(mut known) = policy::known_addresses(target) {
            // These are not an answer from outside. Of the two of `localhost` only one may be allowed, and
            // `check` has found that one is.
            known.retain(|address| self.policy.check_address(target, *address).is_ok());
            known
        } else {
            let found = self.resolver.lookup(target).await?;
            for address in &found {
                self.policy.check_address(target, *address)?;
            }
            alternating(found)
        };
        let port = target.port();
        Ok(Vetted(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()))
    }

    /// Opens a connection to the target, in `targets.connect_timeout` altogether: TCP to a vetted address,
    /// and TLS where the scheme says so, with the target's name as SNI and verified.
    pub async fn connect(&self, target: &Target) -> Result<Connection, DialError> {
        // Boxed, for this is the largest future of a session and is needed for its first moment only; in
        // place it would keep its bytes in the session's task for ever.
        Box::pin(self.connect_in_place(target)).await
    }

    async fn connect_in_place(&self, target: &Target) -> Result<Connection, DialError> {
        let deadline = Instant::now() + self.timeout;
        let late = |phase| move |_| DialError::TimedOut { target: target.origin().into(), phase };
        let vetted = timeout_at(deadline, self.vet(target)).await.map_err(late(Phase::Resolve))??;
        let connected = timeout_at(deadline, race::connect_first(&vetted)).await;
        let (tcp, address) = connected.map_err(late(Phase::Connect))??;
        tracing::debug!(target = %target, %address, "connected");
        let stream = if target.secure() {
            let tls = timeout_at(deadline, self.start_tls(target, tcp)).await;
            UpstreamStream::Tls(Box::new(tls.map_err(late(Phase::Tls))??))
        } else {
            UpstreamStream::Plain(tcp)
        };
        Ok(Connection { stream, address })
    }

    async fn start_tls(&self, target: &Target, tcp: TcpStream) -> Result<TlsStream<TcpStream>, DialError> {
        let name = target.host_name();
        let failed = |source| DialError::Tls { name: name.into(), source };
        let server = match target.address() {
            Some(address) => ServerName::IpAddress(address.into()),
            None => {
                ServerName::try_from(name.to_owned()).map_err(|error| failed(std::io::Error::other(error)))?
            }
        };
        self.tls.connect(server, tcp).await.map_err(failed)
    }
}

/// IPv6 and IPv4 in turn, IPv6 first (RFC 8305 section 4), each family in the order of the answer; without
/// repetitions, and not more than are dialled.
fn alternating(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = found.into_iter().map(|ip| ip.to_canonical()).partition(IpAddr::is_ipv6);
    let longest = v6.len().max(v4.len());
    let mut order = Vec::with_capacity(ADDRESSES_DIALLED_MAX);
    for address in (0..longest).flat_map(|i| [v6.get(i), v4.get(i)]).flatten() {
        if order.len() < ADDRESSES_DIALLED_MAX && !order.contains(address) {
            order.push(*address);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn families_take_turns() {
        let order = |texts: &[&str]| -> Vec<String> {
            let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
            alternating(addresses).iter().map(ToString::to_string).collect()
        };
        assert_eq!(order(&["1.1.1.1", "1.1.1.2", "2::1", "2::2"]), ["2::1", "1.1.1.1", "2::2", "1.1.1.2"]);
        assert_eq!(order(&["1.1.1.1", "1.1.1.1", "::ffff:1.1.1.1"]), ["1.1.1.1"]);
        assert_eq!(
            order(&["1.1.1.1", "1.1.1.2", "1.1.1.3", "2::1"]),
            ["2::1", "1.1.1.1", "1.1.1.2", "1.1.1.3"]
        );
        let many: Vec<_> = (0..200).map(|i| format!("1.1.1.{i}")).collect();
        assert_eq!(order(&many.iter().map(String::as_str).collect::<Vec<_>>()).len(), ADDRESSES_DIALLED_MAX);
    }

    #[test]
    fn a_session_pays_little_for_having_dialled() {
        let config = TargetsConfig { hosts_file: false, ..TargetsConfig::default() };
        let dialer = Dialer::new(Policy::new(&config).unwrap(), &config).unwrap();
        let target = Target::parse("wss://example.com/").unwrap();
        assert!(size_of_val(&dialer.connect(&target)) <= 64, "{}", size_of_val(&dialer.connect(&target)));
        assert!(size_of::<UpstreamStream>() <= 40, "{}", size_of::<UpstreamStream>());
        assert!(size_of::<DialError>() <= 128, "{}", size_of::<DialError>());
    }
}
