//! Addresses to listen on.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, TcpKeepalive, Type};
use tokio::net::TcpListener;

use crate::tls::Certificate;

/// How long bytes may be unacknowledged, and how long a silent peer may be silent, before the kernel gives a
/// connection up: a page that vanished with its network would otherwise hold its stream for a quarter of an hour.
pub(super) const PEER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// A listener that is bound but does not accept yet: what can fail at start has not failed.
#[derive(Debug)]
pub struct Bound {
    pub(super) listener: TcpListener,
    pub(super) certificate: Option<Arc<Certificate>>,
}

impl Bound {
    /// Where it is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// It speaks TLS.
    pub fn secure(&self) -> bool {
        self.certificate.is_some()
    }
}

/// Binds `address` (`HOST:PORT`), for TLS if a certificate is given. `localhost` is first of all 127.0.0.1, and without
/// a host it is every address of this machine.
///
/// # Errors
/// The address, and why it cannot be listened on.
pub fn bind(address: &str, certificate: Option<Arc<Certificate>>) -> Result<Bound, String> {
    let attempts = match address.rsplit_once(':') {
        Some(("", port)) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        Some(("localhost", port)) => vec![format!("127.0.0.1:{port}"), format!("[::1]:{port}")],
        _ => vec![address.to_owned()],
    };
    let mut refused = String::new();
    for attempt in attempts {
        match listen(&attempt) {
            Ok(listener) => return Ok(Bound { listener, certificate }),
            Err(why) if refused.is_empty() => refused = format!("cannot listen on {attempt}: {why}"),
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Binds plain and TLS addresses. Without both files of a certificate there is no TLS.
///
/// # Errors
/// The address or the file, and what is wrong with it.
pub fn bind_all(
    plain: &[String],
    tls: &[String],
    certificate: Option<&Path>,
    private: Option<&Path>,
) -> Result<Vec<Bound>, String> {
    let mut bound = plain.iter().map(|address| bind(address, None)).collect::<Result<Vec<_>, _>>()?;
    if let (false, Some(certificate), Some(private)) = (tls.is_empty(), certificate, private) {
        let certificate = Certificate::load(certificate, private).map_err(|error| error.to_string())?;
        for address in tls {
            bound.push(bind(address, Some(certificate.clone()))?);
        }
    }
    Ok(bound)
}

fn listen(address: &str) -> io::Result<TcpListener> {
    let address: SocketAddr =
        address.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("names no address"))?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Linux gives accepted sockets the options of their listener, which saves four calls for each.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PEER_TIMEOUT))?;
    socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_ipv4_first() {
        let bound = bind("localhost:0", None).expect("bound");
        assert!(bound.address().expect("an address").ip().is_ipv4());
        let port = bound.address().expect("an address").port();
        let taken = bind(&format!("127.0.0.1:{port}"), None).expect_err("taken");
        assert!(taken.contains(&format!("127.0.0.1:{port}")), "{taken}");
        assert!(bind(":0", None).is_ok());
    }

    #[tokio::test]
    async fn one_that_cannot_be_bound_is_named() {
        let error = bind_all(&["127.0.0.1:0".into(), "127.0.0.1:x".into()], &[], None, None);
        let error = error.expect_err("no port");
        assert!(error.starts_with("cannot listen on 127.0.0.1:x: "), "{error}");
        let missing = Path::new("missing.pem");
        let error = bind_all(&[], &["127.0.0.1:0".into()], Some(missing), Some(missing));
        assert!(error.expect_err("no file").contains("missing.pem"));
    }
}
