//! The original's flags, in the syntax of Go's `flag`: `-x v`, `--x v`, `-x=v`; the first argument that is no flag
//! ends them.

use polysocket_config::GoFlag;

use super::listening::Listening;

/// What the original says for `-version`, and who says it here.
pub const VERSION: &str = concat!("Rocket Server v.0.2.0 (Polysocket ", env!("CARGO_PKG_VERSION"), ")");

/// What there is to say for `-help`.
pub const USAGE: &str = "\
Usage: polysocket rocket [flags] [config.json]
  -host string
        host to listen on (default \"localhost\")
  -port int
        port to listen on (default 9772)
  -tls-cert string
        file with the TLS certificate chain (PEM)
  -tls-key string
        file with its private key (PEM)
  -log string
        file to append the log to (default: standard error)
  -version
        print the version
  -hash-secret
        read a secret from standard input and print its hash, for \"SecretHash\"
";

/// A command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    pub(super) over: Listening,
    /// Only the version is wanted.
    pub version: bool,
    /// Only the usage is wanted.
    pub help: bool,
    /// Only the hash of a secret is wanted.
    pub hash_secret: bool,
    /// The configuration file.
    pub config: Option<std::path::PathBuf>,
}

impl Flags {
    /// Reads the arguments after `rocket`.
    ///
    /// # Errors
    /// What is wrong, in a line.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next_if(|next| next.len() > 1 && next.starts_with('-')) {
            if argument == "--" {
                break;
            }
            let flag =
                GoFlag::read(&argument).filter(|flag| !flag.name.is_empty() && !flag.name.starts_with('-'));
            let mut flag = flag.ok_or_else(|| format!("bad flag syntax: {argument}"))?;
            let toggle = match flag.name.as_str() {
                "version" => Some(&mut flags.version),
                "hash-secret" => Some(&mut flags.hash_secret),
                "help" | "h" => Some(&mut flags.help),
                _ => None,
            };
            if let Some(toggle) = toggle {
                *toggle = flag
                    .is_on()
                    .map_err(|other| format!("invalid boolean value \"{other}\" for -{}", flag.name))?;
                continue;
            }
            let place = match flag.name.as_str() {
                "host" => &mut flags.over.host,
                "tls-cert" => &mut flags.over.certificate,
                "tls-key" => &mut flags.over.private,
                "log" => &mut flags.over.log,
                "port" => {
                    flags.over.port = Some(port(flag.value_or_next(&mut arguments))?);
                    continue;
                }
                name => return Err(format!("flag provided but not defined: -{name}")),
            };
            let value = flag.value_or_next(&mut arguments);
            *place = Some(value.ok_or_else(|| format!("flag needs an argument: -{}", flag.name))?);
        }
        flags.config = arguments.next().map(Into::into);
        match arguments.next() {
            None => Ok(flags),
            Some(more) => {
                Err(format!("one configuration file at most, and flags before it; `{more}` is left over"))
            }
        }
    }
}

fn port(value: Option<String>) -> Result<u16, String> {
    let value = value.ok_or("flag needs an argument: -port")?;
    value
        .parse()
        .map_err(|_| format!("invalid value \"{value}\" for flag -port: a number from 0 to 65535 is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, String> {
        Flags::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn both_dashes_and_both_forms() {
        let expected = Flags {
            over: Listening {
                host: Some("h".into()),
                port: Some(81),
                certificate: Some("c".into()),
                private: Some("k".into()),
                log: Some("l".into()),
            },
            config: Some("my.json".into()),
            ..Flags::default()
        };
        for line in [
            "-host h -port 81 -tls-cert c -tls-key k -log l my.json",
            "--host h --port 81 --tls-cert c --tls-key k --log l my.json",
            "-host=h --port=81 -tls-cert=c --tls-key=k -log=l my.json",
            "-host=h -port=81 -tls-cert=c -tls-key=k -log=l -- my.json",
        ] {
            assert_eq!(read(line), Ok(expected.clone()), "{line}");
        }
        assert_eq!(read(""), Ok(Flags::default()));
        assert_eq!(
            read("-host="),
            Ok(Flags {
                over: Listening { host: Some(String::new()), ..Default::default() },
                ..Default::default()
            })
        );
        for (line, version) in [("-version", true), ("--version=T", true), ("-version=false", false)] {
            assert_eq!(read(line), Ok(Flags { version, ..Flags::default() }), "{line}");
        }
        for line in ["-h", "-help", "--help"] {
            assert!(read(line).is_ok_and(|flags| flags.help), "{line}");
        }
        // A lone dash is no flag.
        assert_eq!(read("-"), Ok(Flags { config: Some("-".into()), ..Flags::default() }));
    }

    #[test]
    fn what_is_wrong() {
        for (line, text) in [
            ("-colour", "flag provided but not defined: -colour"),
            ("---host h", "bad flag syntax: ---host"),
            ("-=h", "bad flag syntax: -=h"),
            ("-host", "flag needs an argument: -host"),
            ("-port", "flag needs an argument: -port"),
            ("-port x", "invalid value \"x\" for flag -port: a number from 0 to 65535 is needed"),
            ("-port=65536", "invalid value \"65536\" for flag -port: a number from 0 to 65535 is needed"),
            ("-version=maybe", "invalid boolean value \"maybe\" for -version"),
            ("a.json b.json", "one configuration file at most, and flags before it; `b.json` is left over"),
            ("a.json -port 1", "one configuration file at most, and flags before it; `-port` is left over"),
        ] {
            assert_eq!(read(line), Err(text.into()), "{line}");
        }
    }
}
