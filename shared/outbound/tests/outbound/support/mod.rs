//! What the tests share.

pub mod authority;
pub mod dns;
pub mod trap;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use polysocket_config::Span;
use polysocket_outbound::{Connection, DialError, Dialer, Policy, Target, TargetsConfig};

use dns::NameServer;

/// The configuration of most tests: this name server only, and these targets allowed to be private.
pub fn config(dns: &NameServer, allow_private: &[&str]) -> TargetsConfig {
    TargetsConfig {
        allow_private: allow_private.iter().map(ToString::to_string).collect(),
        name_servers: vec![dns.address().to_string()],
        hosts_file: false,
        connect_timeout: Span::seconds(4),
        resolve_timeout: Span::seconds(2),
        ..TargetsConfig::default()
    }
}

pub fn dialer(config: &TargetsConfig) -> Dialer {
    Dialer::new(Policy::new(config).unwrap(), config).unwrap()
}

pub fn target(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

pub async fn connect(dialer: &Dialer, url: &str) -> Result<Connection, DialError> {
    dialer.connect(&target(url)).await
}

/// A listener on one address, and what `other` makes at the same port of another. The port is free on the
/// first; should it be taken on the other, another port is tried.
pub fn at_one_port<T>(address: &str, mut other: impl FnMut(u16) -> io::Result<T>) -> (TcpListener, T) {
    for _ in 0..32 {
        let listener = TcpListener::bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        if let Ok(other) = other(listener.local_addr().unwrap().port()) {
            return (listener, other);
        }
    }
    panic!("no port is free on both addresses");
}

/// For use with tokio.
pub fn tokio_listener(listener: TcpListener) -> tokio::net::TcpListener {
    listener.set_nonblocking(true).unwrap();
    tokio::net::TcpListener::from_std(listener).unwrap()
}

/// What must happen, and happens at once when all is well.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it should have happened long ago")
}
