//! Who may administer: everything but subscribing.
//!
//! The original looked at the `Host` header alone, which anybody can write. Here the address of the peer counts too,
//! and a request that came through somebody else's hands (a proxy, a page in the operator's browser) is not taken for
//! one of the operator's. Pure, but for the look-up of names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Uri, header};
use subtle::ConstantTimeEq;
use tokio::time::{Instant, timeout};

use crate::config::GocketsConfig;

/// How long the addresses of a name are taken for true.
const NAMES_KEPT: Duration = Duration::from_secs(30);
/// Until the system has looked up a name.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// Written by proxies: the peer is then not the one who asks.
const FORWARDED: [HeaderName; 4] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// Why a request may not administer. The client is told "Unauthorized"; this is for the operator's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// There is a bearer token, and it is not the right one.
    #[error("its bearer token is not gockets.admin_token")]
    Token,
    /// It asks for another host or port.
    #[error("its Host is not in gockets.admin_hosts, or has another port")]
    Host,
    /// It comes from elsewhere.
    #[error("its peer is not this machine, nor one that a name in gockets.admin_hosts leads to")]
    Peer,
    /// It came through a proxy.
    #[error("it came through a proxy; use gockets.admin_token")]
    Proxied,
    /// A page of another origin made it.
    #[error("a page of another origin made it")]
    Page,
}

/// The lock of one mount.
#[derive(Debug)]
pub struct Lock {
    hosts: Vec<String>,
    any_peer: bool,
    open: bool,
    token: Option<String>,
    /// Ports that may be in `Host`; empty: any.
    ports: Vec<u16>,
    resolved: Mutex<Option<(Instant, Vec<IpAddr>)>>,
}

/// What a request says of itself.
#[derive(Debug, Clone, Copy)]
struct Host<'a> {
    name: &'a str,
    port: Option<u16>,
}

impl Lock {
    /// As configured, for listeners on `ports`.
    pub fn new(config: &GocketsConfig, ports: Vec<u16>) -> Self {
        Self {
            hosts: config.admin_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            any_peer: config.admin_any_peer,
            open: config.admin_open,
            token: config.admin_token.clone(),
            ports,
            resolved: Mutex::default(),
        }
    }

    /// Whether a request from `peer` may administer.
    pub async fn judge(&self, peer: Option<IpAddr>, uri: &Uri, headers: &HeaderMap) -> Result<(), Locked> {
        if let (Some(token), Some(given)) = (&self.token, bearer(headers)) {
            let same = bool::from(token.as_bytes().ct_eq(given.as_bytes()));
            return if same { Ok(()) } else { Err(Locked::Token) };
        }
        if self.open {
            return Ok(());
        }
        let named = self.hosts.iter().any(|host| host != "localhost");
        let resolved = if named { self.resolve().await } else { Vec::new() };
        self.judge_with(&resolved, peer, uri, headers)
    }

    fn judge_with(
        &self,
        resolved: &[IpAddr],
        peer: Option<IpAddr>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Locked> {
        let host = Host::of(uri, headers).ok_or(Locked::Host)?;
        if host.port.is_some_and(|port| !self.ports.is_empty() && !self.ports.contains(&port)) {
            return Err(Locked::Host);
        }
        let local_name = self.hosts.iter().any(|name| name == "localhost");
        let known = match host.address() {
            Some(address) => (local_name && is_own(address)) || resolved.contains(&address),
            None => self.hosts.iter().any(|name| name.eq_ignore_ascii_case(host.name)),
        };
        if !known {
            return Err(Locked::Host);
        }
        let peer = peer.map(|address| address.to_canonical());
        if !self.any_peer && !peer.is_some_and(|peer| peer.is_loopback() || resolved.contains(&peer)) {
            return Err(Locked::Peer);
        }
        // With any peer allowed nothing is said about who is behind a proxy.
        if !self.any_peer && FORWARDED.iter().any(|name| headers.contains_key(name)) {
            return Err(Locked::Proxied);
        }
        if is_of_another_page(headers, host) { Err(Locked::Page) } else { Ok(()) }
    }

    /// The addresses of the names, as the system knows them; those of a while ago when it cannot say.
    async fn resolve(&self) -> Vec<IpAddr> {
        let known = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, addresses)) = &known
            && at.elapsed() < NAMES_KEPT
        {
            return addresses.clone();
        }
        let mut found = Vec::new();
        for host in self.hosts.iter().filter(|host| *host != "localhost") {
            match timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host.as_str(), 0))).await {
                Ok(Ok(addresses)) => found.extend(addresses.map(|address| address.ip().to_canonical())),
                Ok(Err(error)) => {
                    tracing::warn!(host, %error, "a name in gockets.admin_hosts has no address");
                }
                Err(_) => tracing::warn!(host, "a name in gockets.admin_hosts was not looked up in time"),
            }
        }
        if found.is_empty() {
            found = known.map(|(_, addresses)| addresses).unwrap_or_default();
        }
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        found
    }
}

impl<'a> Host<'a> {
    fn of(uri: &'a Uri, headers: &'a HeaderMap) -> Option<Self> {
        // Twice is a trick: the two may be read by different people.
        let mut given = headers.get_all(header::HOST).iter();
        let text = match (given.next(), given.next()) {
            (Some(host), None) => host.to_str().ok()?,
            (None, _) => uri.authority()?.as_str(),
            (Some(_), Some(_)) => return None,
        };
        Self::parse(text)
    }

    /// `name`, `name:port`, `[v6]`, `[v6]:port`.
    fn parse(text: &'a str) -> Option<Self> {
        let after_name = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (name, port) = text.split_at_checked(after_name)?;
        let port = match port.strip_prefix(':') {
            // `parse` would take a sign.
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
            None if port.is_empty() => None,
            _ => return None,
        };
        if name.is_empty() { None } else { Some(Self { name, port }) }
    }

    fn address(&self) -> Option<IpAddr> {
        let bare = self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match bare {
            Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => self.name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }
}

/// The two addresses that mean the same as `localhost` (G6); 127.0.0.2 may be somebody else's.
fn is_own(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Browsers say which page makes a request that could do harm; it must be one that was served here. Otherwise any
/// page in a browser on this machine could make channels, as such a request needs no permission (CORS).
fn is_of_another_page(headers: &HeaderMap, host: Host<'_>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let of = origin.to_str().ok().and_then(|origin| Host::parse(origin.split_once("://")?.1));
    of.is_none_or(|of| !of.name.eq_ignore_ascii_case(host.name) || of.port != host.port)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HERE: &str = "127.0.0.1";

    fn lock(change: impl FnOnce(&mut GocketsConfig)) -> Lock {
        let mut config = GocketsConfig::default();
        change(&mut config);
        Lock::new(&config, vec![8844])
    }

    fn judge(lock: &Lock, resolved: &[&str], peer: &str, lines: &[(&str, &str)]) -> Result<(), Locked> {
        let resolved: Vec<IpAddr> = resolved.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        lock.judge_with(&resolved, Some(peer.parse().unwrap()), &"/channel".parse().unwrap(), &headers)
    }

    #[test]
    fn names_of_this_machine() {
        let lock = lock(|_| ());
        for host in [
            "localhost",
            "localhost:8844",
            "LocalHost:8844",
            "127.0.0.1:8844",
            "127.0.0.1",
            "[::1]",
            "[::1]:8844",
        ] {
            assert_eq!(judge(&lock, &[], HERE, &[("host", host)]), Ok(()), "{host}");
            assert_eq!(judge(&lock, &[], "::1", &[("host", host)]), Ok(()), "{host}");
            assert_eq!(judge(&lock, &[], "::ffff:127.0.0.1", &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "localhost:8845",
            "localhost:",
            "localhost:x",
            "localhost:+8844",
            "localhost.",
            "evil.example",
            "evil.example:8844",
            "localhost.evil.example",
            "127.0.0.2",
            "0.0.0.0:8844",
            "[::1",
            "[::1]x",
            "::1",
            "user@localhost",
            "",
        ] {
            assert_eq!(judge(&lock, &[], HERE, &[("host", host)]), Err(Locked::Host), "{host}");
        }
        assert_eq!(judge(&lock, &[], HERE, &[]), Err(Locked::Host));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(judge(&lock, &[], HERE, &twice), Err(Locked::Host));
    }

    #[test]
    fn the_host_header_alone_is_not_enough() {
        let host = [("host", "localhost:8844")];
        assert_eq!(judge(&lock(|_| ()), &[], "203.0.113.7", &host), Err(Locked::Peer));
        assert_eq!(judge(&lock(|config| config.admin_any_peer = true), &[], "203.0.113.7", &host), Ok(()));
    }

    #[test]
    fn another_name_lets_in_whom_it_leads_to() {
        let lock = lock(|config| config.admin_hosts = vec!["Hub.Example".into()]);
        let resolved = ["203.0.113.7", "2001:db8::7"];
        for host in ["hub.example", "hub.example:8844", "203.0.113.7:8844", "[2001:db8::7]"] {
            for peer in ["203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7", HERE] {
                assert_eq!(judge(&lock, &resolved, peer, &[("host", host)]), Ok(()), "{host} {peer}");
            }
            assert_eq!(
                judge(&lock, &resolved, "203.0.113.8", &[("host", host)]),
                Err(Locked::Peer),
                "{host}"
            );
        }
        for host in ["localhost", "127.0.0.1", "hub.example:80"] {
            assert_eq!(judge(&lock, &resolved, HERE, &[("host", host)]), Err(Locked::Host), "{host}");
        }
    }

    #[test]
    fn what_came_through_other_hands() {
        let lock = lock(|_| ());
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 x"),
            ("x-real-ip", "x"),
        ] {
            let headers = [("host", "localhost"), (name, value)];
            assert_eq!(judge(&lock, &[], HERE, &headers), Err(Locked::Proxied), "{name}");
        }
        let from = |origin| judge(&lock, &[], HERE, &[("host", "localhost:8844"), ("origin", origin)]);
        assert_eq!(from("http://localhost:8844"), Ok(()));
        for origin in ["https://evil.example", "null", "http://localhost", "http://localhost:1", "x"] {
            assert_eq!(from(origin), Err(Locked::Page), "{origin}");
        }
    }

    #[tokio::test]
    async fn a_bearer_token_opens_from_anywhere() {
        let lock = lock(|config| {
            config.admin_token = Some("a token of ours 7".into());
            config.admin_hosts.clear();
        });
        let uri: Uri = "/channel".parse().unwrap();
        let peer = Some("203.0.113.7".parse().unwrap());
        let with = |value: &str| {
            HeaderMap::from_iter([
                (header::HOST, "hub.example".parse().unwrap()),
                (header::AUTHORIZATION, value.parse().unwrap()),
            ])
        };
        assert_eq!(lock.judge(peer, &uri, &with("Bearer a token of ours 7")).await, Ok(()));
        assert_eq!(lock.judge(peer, &uri, &with("bearer a token of ours 7")).await, Ok(()));
        assert_eq!(lock.judge(peer, &uri, &with("Bearer a token of ours")).await, Err(Locked::Token));
        assert_eq!(lock.judge(peer, &uri, &with("Basic x")).await, Err(Locked::Host));
        let here = Some(HERE.parse().unwrap());
        let local = HeaderMap::from_iter([(header::HOST, "localhost".parse().unwrap())]);
        assert_eq!(lock.judge(here, &uri, &local).await, Err(Locked::Host), "no names, so the token only");
    }
}
