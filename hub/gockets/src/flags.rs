//! The original's command line: Go's way of writing flags, and the file of its last version.
//!
//! `-port 8844`, `-port=8844` and `--port …` are the same; a switch is `-x`, `-x=true` or `-x=false`; what follows
//! `--` or is no flag is refused, as there are no arguments.

mod yaml;

use std::path::PathBuf;

use polysocket_config::{GoFlag, Span};
use polysocket_socket::SocketLimits;

use crate::config::GocketsConfig;

/// What `-h` prints.
pub const HELP: &str = "\
Usage of gockets:
  -host-name string
        Lock access to all administrative routes only to access from specific hostname (default \"localhost\")
  -log-level INT
        Level of logging. 1 - Info and error. 2 - Error only. 3 - All info with debug (default 1)
  -ping-interval INT
        Interval of ping request and time for pong response for clients in seconds (default 60)
  -port INT
        Port of a server (default 8844)

Of the original's last version:
  -config FILE, -configPath FILE
        A YAML file with managementProtect, allowedHostnames, pingInterval, logLevel, port; flags go before it

New:
  -admin-any-peer
        Look at the Host header only, and not at the address a request comes from
  -legacy-status
        Answer 200 where a key is not known, as the first version did, and not 404
  -public-hooks-only
        Refuse hooks that lead to this machine
";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// Names by which administrative routes may be asked for; empty: they are open to everybody.
    pub host_names: Vec<String>,
    /// 1 info and errors, 2 errors only, 3 everything.
    pub log_level: u8,
    /// Seconds.
    pub ping_interval: u64,
    /// On all interfaces.
    pub port: u16,
    /// Whether only the `Host` header counts.
    pub admin_any_peer: bool,
    /// Whether unknown keys are answered with 200.
    pub legacy_status: bool,
    /// Whether hooks may not lead to this machine. They may by default: who may set one is on this machine already.
    pub public_hooks_only: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            host_names: vec!["localhost".to_owned()],
            log_level: 1,
            ping_interval: 60,
            port: 8844,
            admin_any_peer: false,
            legacy_status: false,
            public_hooks_only: false,
        }
    }
}

/// Why the program does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// [`HELP`] was asked for: no failure.
    #[error("{HELP}")]
    Help,
    /// The user's mistake.
    #[error("{0}; -h tells what there is")]
    Usage(String),
}

fn usage<T>(text: impl Into<String>) -> Result<T, FlagError> {
    Err(FlagError::Usage(text.into()))
}

impl Flags {
    /// Reads arguments, without the name of the program, and the file they name. Flags win over the file.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, FlagError> {
        let given = split(arguments)?;
        let mut flags = Self::default();
        for flag in &given {
            if matches!(flag.name.as_str(), "config" | "configPath") {
                let path = PathBuf::from(flag.value.as_deref().unwrap_or_default());
                let text = std::fs::read_to_string(&path);
                let text = text.or_else(|error| usage(format!("cannot read {}: {error}", path.display())))?;
                flags.read_file(&text).or_else(|why| usage(format!("{}: {why}", path.display())))?;
            }
        }
        for flag in given {
            flags.set(flag)?;
        }
        flags.check()?;
        Ok(flags)
    }

    fn set(&mut self, flag: GoFlag) -> Result<(), FlagError> {
        let switch = |flag: &GoFlag| {
            flag.is_on().or_else(|other| usage(format!("-{} is on or off, not `{other}`", flag.name)))
        };
        match flag.name.as_str() {
            "admin-any-peer" => self.admin_any_peer = switch(&flag)?,
            "legacy-status" => self.legacy_status = switch(&flag)?,
            "public-hooks-only" => self.public_hooks_only = switch(&flag)?,
            "host-name" => self.host_names = vec![flag.value.unwrap_or_default()],
            "log-level" => self.log_level = number(flag)?,
            "ping-interval" => self.ping_interval = number(flag)?,
            "port" => self.port = number(flag)?,
            // Read already.
            _ => (),
        }
        Ok(())
    }

    fn read_file(&mut self, text: &str) -> Result<(), String> {
        for (key, value) in yaml::read(text)? {
            // viper, by which the original read it, does not look at the case of keys.
            match (key.to_ascii_lowercase().as_str(), value) {
                ("managementprotect", yaml::Value::Text(text)) => match text.as_str() {
                    "true" => (),
                    "false" => self.host_names = Vec::new(),
                    _ => return Err(format!("{key} is true or false, not `{text}`")),
                },
                ("allowedhostnames", yaml::Value::List(names)) => {
                    // An open door stays open whatever else the file says.
                    if !self.host_names.is_empty() {
                        self.host_names = names;
                    }
                }
                ("pinginterval", yaml::Value::Text(text)) => self.ping_interval = whole(&key, &text)?,
                ("loglevel", yaml::Value::Text(text)) => self.log_level = whole(&key, &text)?,
                ("port", yaml::Value::Text(text)) => self.port = whole(&key, &text)?,
                ("managementprotect" | "allowedhostnames" | "pinginterval" | "loglevel" | "port", _) => {
                    return Err(format!("{key} has a value of the wrong kind"));
                }
                _ => return Err(format!("there is no key {key}")),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), FlagError> {
        if !(1..=3).contains(&self.log_level) {
            return usage(format!("-log-level is 1, 2 or 3, not {}", self.log_level));
        }
        if !(1..=86_400).contains(&self.ping_interval) {
            return usage(format!("-ping-interval is 1 to 86400 seconds, not {}", self.ping_interval));
        }
        let bad_name = |name: &String| name.is_empty() || name.contains(['/', ':', '@', '*', ' ']);
        match self.host_names.iter().find(|name| bad_name(name)) {
            Some(name) => usage(format!("-host-name is a name alone, as localhost, not `{name}`")),
            None => Ok(()),
        }
    }

    /// As the configuration has it.
    pub fn config(&self) -> GocketsConfig {
        GocketsConfig {
            listen: vec![format!("0.0.0.0:{}", self.port)],
            admin_hosts: self.host_names.clone(),
            admin_any_peer: self.admin_any_peer,
            admin_open: self.host_names.is_empty(),
            legacy_status: self.legacy_status,
            stream_ping_every: Span::seconds(self.ping_interval),
            ..GocketsConfig::default()
        }
    }

    /// Limits of WebSockets with the original's pings: one in each interval, and for the pong as long and two seconds.
    pub fn socket_limits(&self, limits: &SocketLimits) -> SocketLimits {
        SocketLimits {
            ping_every: Span::seconds(self.ping_interval),
            pong_within: Span::seconds(self.ping_interval + 2),
            ..limits.clone()
        }
    }

    /// The value of `log.level`.
    pub fn log_filter(&self) -> &'static str {
        match self.log_level {
            2 => "error",
            3 => "debug",
            _ => "info",
        }
    }
}

/// Flags with their values. Whether one has a value behind it depends on its name.
fn split(arguments: impl IntoIterator<Item = String>) -> Result<Vec<GoFlag>, FlagError> {
    let mut arguments = arguments.into_iter();
    let mut found = Vec::new();
    while let Some(argument) = arguments.next() {
        let Some(mut flag) = GoFlag::read(&argument) else {
            return usage(format!("`{argument}` is no flag"));
        };
        match flag.name.as_str() {
            "h" | "help" => return Err(FlagError::Help),
            "admin-any-peer" | "legacy-status" | "public-hooks-only" => (),
            "host-name" | "log-level" | "ping-interval" | "port" | "config" | "configPath" => {
                flag.value = flag.value_or_next(&mut arguments);
                if flag.value.is_none() {
                    return usage(format!("-{} needs a value", flag.name));
                }
            }
            _ => return usage(format!("there is no flag `{argument}`")),
        }
        found.push(flag);
    }
    Ok(found)
}

fn number<T: std::str::FromStr>(flag: GoFlag) -> Result<T, FlagError> {
    whole(&format!("-{}", flag.name), &flag.value.unwrap_or_default()).map_err(FlagError::Usage)
}

fn whole<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} is a whole number in its range, not `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    fn parse(line: &str) -> Result<Flags, FlagError> {
        Flags::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn as_go_reads_them() {
        assert_eq!(parse(""), Ok(Flags::default()));
        let flags = Flags {
            host_names: vec!["hub.example".into()],
            log_level: 3,
            ping_interval: 5,
            port: 9000,
            admin_any_peer: true,
            legacy_status: true,
            public_hooks_only: false,
        };
        for line in [
            "-host-name hub.example -log-level 3 -ping-interval 5 -port 9000 -admin-any-peer -legacy-status",
            "--host-name=hub.example --log-level=3 -ping-interval=5 -port 1 -port 9000 --admin-any-peer=true -legacy-status=1",
        ] {
            assert_eq!(parse(line), Ok(flags.clone()), "{line}");
        }
        assert_eq!(parse("-legacy-status=false"), Ok(Flags::default()));
        for help in ["-h", "--help", "-port 1 -h"] {
            assert_eq!(parse(help), Err(FlagError::Help), "{help}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("-port", "-port needs a value"),
            ("-port x", "`x`"),
            ("-port 65536", "`65536`"),
            ("-log-level 0", "1, 2 or 3"),
            ("-log-level 4", "1, 2 or 3"),
            ("-ping-interval 0", "1 to 86400"),
            ("-host-name localhost:8844", "`localhost:8844`"),
            ("-prot 1", "`-prot`"),
            ("8844", "`8844`"),
            ("-legacy-status=maybe", "`maybe`"),
            ("-config /nowhere/gockets.yml", "/nowhere/gockets.yml"),
        ] {
            let said = parse(line).expect_err(line).to_string();
            assert!(said.contains(part), "{line}: {said}");
        }
    }

    #[test]
    fn the_file_of_the_last_version() {
        let mut flags = Flags::default();
        let file = "managementProtect: true\nallowedHostnames:\n  - localhost\n  - hub.example\npingInterval: 10\nlogLevel: 3\nport: 8845\n";
        assert_eq!(flags.read_file(file), Ok(()));
        assert_eq!(flags.host_names, ["localhost", "hub.example"]);
        assert_eq!((flags.ping_interval, flags.log_level, flags.port), (10, 3, 8845));
        assert_eq!(flags.read_file("managementProtect: false\nallowedHostnames: [localhost]\n"), Ok(()));
        assert_eq!(flags.host_names, [""; 0]);
        assert!(flags.config().admin_open);
        for wrong in
            ["port: x", "prot: 1", "port: [1]", "managementProtect: perhaps", "allowedHostnames: localhost"]
        {
            assert!(Flags::default().read_file(wrong).is_err(), "{wrong}");
        }
        let path = std::env::temp_dir().join(format!("gockets-{}.yml", std::process::id()));
        std::fs::write(&path, "port: 1\nlogLevel: 2\n").expect("written");
        let flags = parse(&format!("-port 2 -configPath {}", path.display())).expect("flags");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!((flags.port, flags.log_filter()), (2, "error"), "flags win");
    }

    #[test]
    fn what_is_made_of_them_is_a_good_configuration() {
        for line in ["", "-ping-interval 1", "-host-name hub.example -admin-any-peer"] {
            let flags = parse(line).expect(line);
            let mut problems = Vec::new();
            flags.config().check(&mut problems);
            flags.socket_limits(&SocketLimits::default()).check(&mut problems);
            assert!(problems.is_empty(), "{line}: {problems:?}");
        }
        assert_eq!(parse("").expect("flags").config().listen, ["0.0.0.0:8844"]);
    }
}
