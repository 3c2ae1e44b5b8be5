//! Where the database is, and connecting to it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};

use crate::error::DatabaseError;
use crate::link::Link;
use crate::tls::{self, Trust};

/// A silent peer is probed, and given up, so that a connection that has vanished in a NAT is found without traffic.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Encodings of databases that give text as it was put in. `SQL_ASCII` is none: what is no UTF-8 there breaks the
/// connection, and everybody is told of the gap.
const ENCODINGS: [&str; 2] = ["UTF8", "SQL_ASCII"];

/// A database and how it is reached.
#[derive(Clone)]
pub struct Address {
    config: Config,
    trust: Trust,
    /// How long the server may work on a statement, or wait for a lock.
    statement_timeout: Duration,
}

impl Address {
    /// Reads a URI or keywords as libpq has them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, tls) = Tls::take(text)?;
        // The error's text quotes no values.
        let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("is no URI or keywords of libpq: {error} {cause}").trim_end().to_owned()
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("names no host; write one, as in postgres://user@localhost/database".to_owned());
        }
        let (mode, trust) = tls.decide()?;
        config.ssl_mode(mode);
        if config.get_target_session_attrs() == TargetSessionAttrs::Any && config.get_hosts().len() > 1 {
            // Only a primary can LISTEN.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config.keepalives(true).keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
        config.tcp_user_timeout(KEEPALIVE_IDLE);
        Ok(Self { config, trust, statement_timeout: Duration::ZERO })
    }

    /// The same, with a limit for each statement; without, there is none.
    pub fn with_statement_timeout(self, statement_timeout: Duration) -> Self {
        Self { statement_timeout, ..self }
    }

    /// Connects; `role` is shown in `pg_stat_activity`.
    pub async fn connect(&self, role: &str, within: Duration) -> Result<(Client, Link), DatabaseError> {
        let mut config = self.config.clone();
        if config.get_application_name().is_none() {
            config.application_name(format!("polysocket {role}"));
        }
        let tls = tls::connector(&self.trust).map_err(DatabaseError::Config)?;
        let connecting = async {
            let (client, connection) = config.connect(tls).await?;
            let mut link = Link::new(connection);
            let asked = "select pg_is_in_recovery(), current_setting('server_encoding')";
            let server = link.drive(within, client.query_one(asked, &[])).await?;
            let encoding: &str = server.get(1);
            if !ENCODINGS.contains(&encoding) {
                return Err(DatabaseError::Said(format!(
                    "this database is encoded in {encoding}, which cannot have all that clients say; name one in UTF8"
                )));
            }
            if server.get(0) {
                return Err(DatabaseError::Said(
                    "this server is a standby, which cannot notify; name the primary".to_owned(),
                ));
            }
            // A statement that is given up here ends there, too: else each attempt would leave a process waiting for
            // the same lock. The lock of notifications is taken at the commit, which `statement_timeout` leaves out.
            let millis = self.statement_timeout.as_millis();
            let limits = format!("set statement_timeout = {millis}; set lock_timeout = {millis}");
            link.drive(within, client.batch_execute(&limits)).await?;
            Ok((client, link))
        };
        timeout(within, connecting).await.unwrap_or(Err(DatabaseError::TimedOut(within)))
    }

    /// Its hosts, for logs.
    pub fn hosts(&self) -> String {
        let name = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        self.config.get_hosts().iter().map(name).collect::<Vec<_>>().join(",")
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.hosts())
    }
}

/// The settings of TLS, which are ours to understand.
#[derive(Debug, Default)]
struct Tls {
    mode: Option<String>,
    root: Option<PathBuf>,
}

impl Tls {
    /// Takes them out of a URI or keywords.
    fn take(text: &str) -> Result<(String, Self), String> {
        let mut tls = Self::default();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let Some((before, query)) = text.split_once('?') else { return Ok((text.to_owned(), tls)) };
            let mut rest = Vec::new();
            for pair in query.split('&') {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                if !tls.understand(key, &value)? {
                    rest.push(pair);
                }
            }
            let rest = rest.join("&");
            let text = if rest.is_empty() { before.to_owned() } else { format!("{before}?{rest}") };
            return Ok((text, tls));
        }
        let mut rest = String::new();
        for (key, value) in keywords(text)? {
            if !tls.understand(&key, &value)? {
                let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                let _ = write!(rest, "{key}='{value}' ");
            }
        }
        Ok((rest, tls))
    }

    fn understand(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.root = Some(value.into()).filter(|_| value != "system"),
            "sslcert" | "sslkey" | "sslcrl" => {
                return Err(format!("says {key}: certificates of clients are not supported; use a password"));
            }
            "gssencmode" | "sslcompression" | "sslsni" | "client_encoding" | "fallback_application_name" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn decide(self) -> Result<(SslMode, Trust), String> {
        let chosen = match (self.mode.as_deref(), self.root) {
            (Some("disable"), _) => (SslMode::Disable, Trust::Anybody),
            // libpq has `allow`, which encrypts when the server insists: so does this.
            (Some("allow" | "prefer") | None, None) => (SslMode::Prefer, Trust::Anybody),
            (Some("require"), None) => (SslMode::Require, Trust::Anybody),
            (Some("allow" | "prefer") | None, Some(file)) => (SslMode::Prefer, Trust::Chain(Some(file))),
            (Some("require"), Some(file)) => (SslMode::Require, Trust::Chain(Some(file))),
            (Some("verify-ca"), file) => (SslMode::Require, Trust::Chain(file)),
            (Some("verify-full"), file) => (SslMode::Require, Trust::Name(file)),
            (Some(other), _) => {
                return Err(format!(
                    "says sslmode={other}; there are disable, allow, prefer, require, verify-ca and verify-full"
                ));
            }
        };
        Ok(chosen)
    }
}

/// `key = value key='a \'value\''`, as libpq reads it.
fn keywords(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut rest = text.trim_start();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or("is no URI, and not keywords as in `host=… user=…`")?;
        let after = after.trim_start();
        let mut value = String::new();
        let quoted = after.starts_with('\'');
        let mut letters = after.char_indices().skip(usize::from(quoted));
        let mut end = if quoted { None } else { Some(after.len()) };
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
                '\'' if quoted => {
                    end = Some(at + 1);
                    break;
                }
                letter if letter.is_whitespace() && !quoted => {
                    end = Some(at);
                    break;
                }
                letter => value.push(letter),
            }
        }
        rest = after[end.ok_or("has a quote that does not end")?..].trim_start();
        pairs.push((key.trim().to_owned(), value));
    }
    Ok(pairs)
}

/// What `url` says, or the file that it names.
pub fn read_url(url: &str) -> Result<String, String> {
    match url.strip_prefix('@') {
        None => Ok(url.to_owned()),
        Some(path) => std::fs::read_to_string(Path::new(path))
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| format!("cannot read {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mode: SslMode, trust: &Trust) -> Config {
        let address = Address::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!((address.config.get_ssl_mode(), &address.trust), (mode, trust), "{text}");
        address.config
    }

    #[test]
    fn both_ways_to_write_it() {
        let anybody = Trust::Anybody;
        check("postgres://me@host/db", SslMode::Prefer, &anybody);
        let config = check(
            "postgresql://me:p%40ss@host:5433/db?sslmode=require&connect_timeout=3",
            SslMode::Require,
            &anybody,
        );
        assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!((config.get_ports(), config.get_dbname()), (&[5433][..], Some("db")));
        check("postgres://me@host/db?sslmode=disable&gssencmode=disable", SslMode::Disable, &anybody);
        check("postgres://me@host/db?sslmode=verify-full", SslMode::Require, &Trust::Name(None));
        let file = Some(PathBuf::from("/a b.pem"));
        check(
            "postgres://me@host/db?sslmode=verify-ca&sslrootcert=/a%20b.pem",
            SslMode::Require,
            &Trust::Chain(file.clone()),
        );
        let config = check(
            r"host = host user='me' password='it\'s \\ me' sslrootcert='/a b.pem'",
            SslMode::Prefer,
            &Trust::Chain(file),
        );
        assert_eq!(config.get_password(), Some(&br"it's \ me"[..]));
    }

    #[test]
    fn mistakes_are_told_without_the_password() {
        for wrong in [
            "",
            "hunter2",
            "postgres://me:hunter2@host/db?sslmode=full",
            "postgres://me:hunter2@host/db?sslcert=/x",
            "postgres://me:hunter2@host/db?no_such=1",
            "host=a password='hunter2",
            "user=a password=hunter2",
        ] {
            let why = Address::parse(wrong).expect_err(wrong);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
