//! The address of the original's `Host` and `Port`.

use polysocket_service::http::{Bound, bind};
use polysocket_service::tls::Certificate;
use std::sync::Arc;

/// `HOST:PORT` for a listener; an address of IPv6 gets its brackets, and no host at all is every address.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Binds what `listen` or the original's host and port say. As with the original, `localhost` is first of all
/// 127.0.0.1, and without a host it is every address of this machine.
///
/// # Errors
/// The address, and why it cannot be listened on.
pub fn listen_on(address: &str, certificate: Option<&Arc<Certificate>>) -> Result<Bound, String> {
    let attempts = match address.rsplit_once(':') {
        Some(("", port)) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        Some(("localhost", port)) => vec![format!("127.0.0.1:{port}"), format!("[::1]:{port}")],
        _ => vec![address.to_owned()],
    };
    let mut refused = String::new();
    for attempt in attempts {
        match bind(&attempt, certificate.cloned()) {
            Ok(bound) => return Ok(bound),
            Err(why) if refused.is_empty() => refused = why,
            Err(_) => {}
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        assert_eq!(joined("localhost", 9772), "localhost:9772");
        assert_eq!(joined("::1", 1), "[::1]:1");
        assert_eq!(joined("[::1]", 1), "[::1]:1");
        assert_eq!(joined("", 80), ":80");
    }

    #[tokio::test]
    async fn localhost_is_ipv4_first() {
        let bound = listen_on("localhost:0", None).expect("bound");
        assert!(bound.address().expect("an address").ip().is_ipv4());
        let port = bound.address().expect("an address").port();
        let taken = listen_on(&format!("127.0.0.1:{port}"), None).expect_err("taken");
        assert!(taken.contains(&format!("127.0.0.1:{port}")), "{taken}");
        assert!(listen_on(":0", None).is_ok());
    }
}
