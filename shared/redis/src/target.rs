//! Where Redis is, from its URL.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, RedisResult};

use crate::{Authorities, Error};

/// Port where a URL has none.
const PORT: u16 = 6379;
/// Port of Sentinels where a URL has none.
const SENTINEL_PORT: u16 = 26379;
/// Servers in one URL.
const SERVERS_MAX: usize = 64;

/// Host and port of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How the servers of a URL belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One server.
    Alone(Address),
    /// The primary that Sentinels know by this name.
    Sentinel { sentinels: Vec<Address>, service: String },
    /// The cluster these belong to.
    Cluster { seeds: Vec<Address> },
}

/// A parsed URL. It has no `Debug`: it may hold a password.
#[derive(Clone)]
pub(crate) struct Target {
    pub kind: Kind,
    tls: bool,
    /// None: the system's.
    authorities: Option<Authorities>,
    settings: RedisConnectionInfo,
    sentinel_settings: RedisConnectionInfo,
}

impl Target {
    /// Reads `redis://[user:password@]host[:port][/db]`,
    /// `redis-sentinel://[user:password@]host[:port],…/service[/db][?sentinel-user=…&sentinel-password=…]` and
    /// `redis-cluster://[user:password@]host[:port],…`, each also with `rediss` for TLS.
    pub fn parse(url: &str) -> Result<Self, Error> {
        const INVALID: Error = Error::Invalid(
            "write a URL such as redis://127.0.0.1:6379/0, redis-sentinel://a:26379,b:26379/service or redis-cluster://a:6379,b:6379",
        );
        let (scheme, rest) = url.split_once("://").ok_or(INVALID)?;
        let (tls, kind) = match scheme {
            "redis" => (false, ""),
            "rediss" => (true, ""),
            _ => match scheme.strip_prefix("rediss-") {
                Some(kind) => (true, kind),
                None => (false, scheme.strip_prefix("redis-").ok_or(INVALID)?),
            },
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, h)| (Some(user), h));
        let mut settings = base();
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            settings =
                with_user(settings, &decoded(name).ok_or(INVALID)?, &decoded(password).ok_or(INVALID)?);
        }
        let mut sentinel_settings = base();
        let (mut name, mut password) = (String::new(), String::new());
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match (kind, &*key) {
                ("sentinel", "sentinel-user") => name = value.into_owned(),
                ("sentinel", "sentinel-password") => password = value.into_owned(),
                _ => return Err(INVALID),
            }
        }
        sentinel_settings = with_user(sentinel_settings, &name, &password);
        let port = if kind == "sentinel" { SENTINEL_PORT } else { PORT };
        let servers = hosts
            .split(',')
            .map(|host| address(host, port))
            .collect::<Option<Vec<_>>>()
            .filter(|servers| servers.len() <= SERVERS_MAX)
            .ok_or(INVALID)?;
        let mut path = path.split('/').filter(|part| !part.is_empty());
        let kind = match kind {
            "" if servers.len() == 1 => Kind::Alone(servers[0].clone()),
            "sentinel" => {
                let service = path.next().and_then(decoded).ok_or(INVALID)?;
                Kind::Sentinel { sentinels: servers, service }
            }
            "cluster" => Kind::Cluster { seeds: servers },
            _ => return Err(INVALID),
        };
        match path.next() {
            // A cluster has one database.
            Some(_) if matches!(kind, Kind::Cluster { .. }) => return Err(INVALID),
            Some(db) => settings = settings.set_db(db.parse().map_err(|_| INVALID)?),
            None => (),
        }
        if path.next().is_some() {
            return Err(INVALID);
        }
        if tls {
            provide_crypto();
        }
        Ok(Self { kind, tls, authorities: None, settings, sentinel_settings })
    }

    /// The same with TLS that believes these; none: the system's.
    pub fn believing(self, authorities: Option<Authorities>) -> Self {
        Self { authorities, ..self }
    }

    /// How to connect to one of its servers.
    pub fn server(&self, address: &Address) -> RedisResult<Client> {
        self.client(address, &self.settings)
    }

    /// How to connect to one of its Sentinels.
    pub fn sentinel(&self, address: &Address) -> RedisResult<Client> {
        self.client(address, &self.sentinel_settings)
    }

    fn client(&self, address: &Address, settings: &RedisConnectionInfo) -> RedisResult<Client> {
        let Address { host, port } = address.clone();
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        // Messages are small and somebody waits for each.
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = address.into_connection_info()?.set_tcp_settings(tcp).set_redis_settings(settings.clone());
        match &self.authorities {
            Some(authorities) if self.tls => Client::build_with_tls(info, authorities.certificates()),
            _ => Client::open(info),
        }
    }

    /// How errors name a server: without user, password and database.
    pub fn name(&self, address: &Address) -> String {
        format!("{}://{address}", if self.tls { "rediss" } else { "redis" })
    }

    /// How errors name all of it.
    pub fn names(&self) -> String {
        match &self.kind {
            Kind::Alone(address) => self.name(address),
            Kind::Sentinel { sentinels, service } => {
                let scheme = if self.tls { "rediss-sentinel" } else { "redis-sentinel" };
                format!("{scheme}://{}/{service}", list(sentinels))
            }
            Kind::Cluster { seeds } => {
                format!("{}://{}", if self.tls { "rediss-cluster" } else { "redis-cluster" }, list(seeds))
            }
        }
    }
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn base() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3)
}

fn with_user(mut settings: RedisConnectionInfo, name: &str, password: &str) -> RedisConnectionInfo {
    if !name.is_empty() {
        settings = settings.set_username(name);
    }
    if !password.is_empty() {
        settings = settings.set_password(password);
    }
    settings
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn address(text: &str, port: u16) -> Option<Address> {
    // The brackets of an IPv6 address keep its colons apart from that of the port.
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { port } else { rest.strip_prefix(':')?.parse().ok()? })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, port),
        },
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    (!host.is_empty() && host.bytes().all(plain)).then(|| Address { host: host.to_owned(), port })
}

/// The client takes the process's default provider and panics when it finds none, or several.
fn provide_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(url: &str) -> String {
        Target::parse(url).map_or_else(|_| "invalid".to_owned(), |target| target.names())
    }

    #[test]
    fn reads_every_form_and_names_it_without_secrets() {
        for (url, name) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("redis://127.0.0.1:7/3", "redis://127.0.0.1:7"),
            ("rediss://user:p%40ss@[::1]:7", "rediss://[::1]:7"),
            ("redis-sentinel://:pw@a,b:7/main/2", "redis-sentinel://a:26379,b:7/main"),
            ("rediss-sentinel://a/main?sentinel-password=x", "rediss-sentinel://a:26379/main"),
            ("redis-cluster://u:p@a:1,b:2", "redis-cluster://a:1,b:2"),
        ] {
            assert_eq!(names(url), name, "{url}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        for url in [
            "",
            "memory",
            "http://a",
            "redis://",
            "redis://a,b",
            "redis://a/x",
            "redis://a:port",
            "redis+unix:///run/redis.sock",
            "redis-sentinel://a",
            "redis-cluster://a/1",
            "redis-other://a",
            "redis://a?x=y",
            "redis://a/1/2",
        ] {
            assert_eq!(names(url), "invalid", "{url}");
        }
    }
}
