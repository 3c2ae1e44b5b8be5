//! The address of the original's `Host` and `Port`.

/// `HOST:PORT` for a listener; an address of IPv6 gets its brackets, and no host at all is every address.
pub(super) fn joined(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
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
}
