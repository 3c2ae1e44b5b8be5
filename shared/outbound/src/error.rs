//! Why a target was not reached, whose fault it is, and what the client is told.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use hickory_resolver::net::NetError;
use polysocket_protocol::Word;
use rustls::CertificateError;

use crate::{PatternError, Refused};

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Whoever asked for this target.
    Client,
    /// The target, or the name servers of its domain.
    Upstream,
    /// This machine, its name servers or its network.
    Us,
}

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the name.
    Resolve,
    /// TCP.
    Connect,
    /// The TLS handshake.
    Tls,
}

/// Why there is no connection. The text is for logs: it may tell addresses of the operator's network.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The policy refuses the target or one of its addresses.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The name does not exist or has no address.
    #[error("{name} has no address")]
    NameNotFound {
        /// The name.
        name: Box<str>,
    },
    /// The name servers could not say.
    #[error("cannot look up {name}: {source}; see targets.name_servers")]
    ResolverFailed {
        /// The name.
        name: Box<str>,
        /// What they said.
        source: Box<NetError>,
    },
    /// Nothing listens there.
    #[error("{address} refused the connection")]
    ConnectionRefused {
        /// The address that said so.
        address: SocketAddr,
    },
    /// No way there, or the connection broke while it was opened.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// The last address that was tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in `targets.connect_timeout` (or `targets.resolve_timeout`).
    #[error("{target} did not answer in time ({phase:?})")]
    TimedOut {
        /// Scheme, host and port.
        target: Box<str>,
        /// What was being waited for.
        phase: Phase,
    },
    /// The TLS handshake failed: the certificate is not good for the name, is not from a known authority, or
    /// the server speaks no TLS that we do.
    #[error("no TLS with {name}: {source}{}", tls_hint(.source))]
    Tls {
        /// The name that was verified.
        name: Box<str>,
        /// What rustls said.
        source: io::Error,
    },
    /// This machine has no more files, ports or memory for connections.
    #[error("no resources here to connect to {address}: {source}; see the limit of open files")]
    Exhausted {
        /// The address that was to be tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl DialError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) | Self::NameNotFound { .. } => Fault::Client,
            Self::ResolverFailed { source, .. } if !matches!(**source, NetError::Dns(_)) => Fault::Us,
            Self::Exhausted { .. } => Fault::Us,
            _ => Fault::Upstream,
        }
    }

    /// What the client is told; with [`Word::sentence`] rather than this error's text.
    pub fn word(&self) -> Word {
        match self {
            Self::Refused(refused) => refused.word(),
            Self::NameNotFound { .. } => Word::BadTarget,
            Self::TimedOut { .. } => Word::Timeout,
            Self::Exhausted { .. } => Word::NoCapacity,
            Self::ResolverFailed { .. }
            | Self::ConnectionRefused { .. }
            | Self::Unreachable { .. }
            | Self::Tls { .. } => Word::UpstreamRefused,
        }
    }

    /// From a failed `connect`.
    pub(crate) fn connecting(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused { address },
            _ if is_exhausted(address.ip(), &source) => Self::Exhausted { address, source },
            _ => Self::Unreachable { address, source },
        }
    }
}

/// The numbers are the same on Linux, macOS and the BSDs; the standard library has no kinds for them.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

fn is_exhausted(address: IpAddr, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::OutOfMemory => true,
        // No ephemeral port is left. With IPv6 it also means that the machine has no IPv6 address at all.
        io::ErrorKind::AddrNotAvailable => address.is_ipv4(),
        _ => matches!(error.raw_os_error(), Some(ENFILE | EMFILE)),
    }
}

fn tls_hint(error: &io::Error) -> &'static str {
    let error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match error {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "; if its authority is the operator's own, give it in targets.upstream_ca"
        }
        Some(rustls::Error::InvalidMessage(_)) => "; does it speak TLS, or is it meant to be ws:?",
        _ => "",
    }
}

/// A configuration that cannot be used. [`key`](Self::key) says where.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A pattern in one of the lists.
    #[error("{error}")]
    Pattern {
        /// The key of the list.
        key: &'static str,
        /// What is wrong.
        #[source]
        error: PatternError,
    },
    /// A pattern in `targets.deny` has a path.
    #[error("`{pattern}` has a path; servers read many spellings as one path, so deny the whole host")]
    DeniedPath {
        /// The pattern.
        pattern: String,
    },
    /// A name server is not given as an address.
    #[error(
        "`{text}` is no name server; write an address, or an address and a port: 10.0.0.2:53, [fd00::2]:53"
    )]
    NameServer {
        /// What was given.
        text: String,
    },
    /// The resolver could not be built.
    #[error("cannot start the resolver: {0}")]
    Resolver(#[source] Box<NetError>),
    /// The file of certificate authorities cannot be used.
    #[error("cannot use {path}: {problem}; it should hold one or more certificates in PEM")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// rustls could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
}

impl SetupError {
    /// The key of the configuration to mend.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Pattern { key, .. } => key,
            Self::DeniedPath { .. } => "targets.deny",
            Self::NameServer { .. } | Self::Resolver(_) => "targets.name_servers",
            Self::Authorities { .. } | Self::Tls(_) => "targets.upstream_ca",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::net::DnsError;
    use hickory_resolver::proto::op::ResponseCode;

    #[test]
    fn our_own_failures_are_ours() {
        let resolver =
            |source: NetError| DialError::ResolverFailed { name: "a.example".into(), source: source.into() };
        assert_eq!(resolver(NetError::NoConnections).fault(), Fault::Us);
        assert_eq!(resolver(DnsError::ResponseCode(ResponseCode::ServFail).into()).fault(), Fault::Upstream);

        let connecting = |address: &str, source| {
            let address: IpAddr = address.parse().expect("an address");
            DialError::connecting(SocketAddr::new(address, 80), source)
        };
        let full = connecting("8.8.8.8", io::Error::from_raw_os_error(EMFILE));
        assert_eq!((full.fault(), full.word()), (Fault::Us, Word::NoCapacity));
        let no_ports = connecting("8.8.8.8", io::ErrorKind::AddrNotAvailable.into());
        assert_eq!(no_ports.fault(), Fault::Us);
        let no_ipv6 = connecting("2000::1", io::ErrorKind::AddrNotAvailable.into());
        assert_eq!((no_ipv6.fault(), no_ipv6.word()), (Fault::Upstream, Word::UpstreamRefused));
        let no_route = connecting("8.8.8.8", io::ErrorKind::NetworkUnreachable.into());
        assert_eq!(no_route.word(), Word::UpstreamRefused);
    }
}
