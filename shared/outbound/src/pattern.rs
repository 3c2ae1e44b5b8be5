//! What operators and tokens write to say which targets they mean.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Target;

/// `[scheme://]host[:port][/path]`, as in `*.example.com`, `wss://chat.example.com:*/rooms`, `10.0.0.0/8:*`.
///
/// | part | |
/// | --- | --- |
/// | scheme | `ws`, `wss`, `http` or `https`; without one, any |
/// | host | a name; `*.` and a name: one or more labels before it, not the name itself; `*`: all; an address; a network: `10.0.0.0/8`, `[fd00::]/8` |
/// | port | a number, or `*`: all; without one, the scheme's (80 or 443) |
/// | path | without one (or `/`), all; otherwise this path and what is below it: `/chat` is `/chat` and `/chat/x`, not `/chatter`; `/chat/` only what is below |
///
/// Names are compared without regard to case and trailing dot, paths byte by byte. A path that a server may
/// read in another way than it is written (an escaped dot or slash, or `..;`) matches no pattern with a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetPattern {
    scheme: Option<Scheme>,
    host: HostPattern,
    port: PortPattern,
    path: Option<Box<str>>,
}

/// Why a text is no pattern, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no target pattern: {problem}")]
pub struct PatternError {
    pattern: String,
    problem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Ws,
    Wss,
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HostPattern {
    Any,
    Name(Box<str>),
    /// With its first dot: `.example.com`.
    Below(Box<str>),
    Net(IpNet),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PortPattern {
    /// The scheme's: 80 or 443.
    Default,
    Any,
    One(NonZeroU16),
}

impl TargetPattern {
    /// Whether this target is meant. A network means targets written as an address, not names that lead there.
    pub fn matches(&self, target: &Target) -> bool {
        self.matches_beside_host(target) && self.host.matches(target)
    }

    /// Whether this target is meant when its host has this address: names, and networks that hold the address.
    pub(crate) fn matches_at(&self, target: &Target, address: IpAddr) -> bool {
        self.matches_beside_host(target)
            && match self.host {
                HostPattern::Net(net) => net.contains(&address),
                _ => self.host.matches(target),
            }
    }

    pub(crate) fn port(&self) -> PortPattern {
        self.port
    }

    pub(crate) fn with_port(self, port: PortPattern) -> Self {
        Self { port, ..self }
    }

    pub(crate) fn has_path(&self) -> bool {
        self.path.is_some()
    }

    fn matches_beside_host(&self, target: &Target) -> bool {
        let default_port = if target.secure() { 443 } else { 80 };
        self.scheme.is_none_or(|scheme| scheme.as_str() == target.scheme())
            && match self.port {
                PortPattern::Default => target.port() == default_port,
                PortPattern::Any => true,
                PortPattern::One(port) => target.port() == port.get(),
            }
            && self.path.as_deref().is_none_or(|prefix| is_below(target.path(), prefix))
    }
}

impl HostPattern {
    fn matches(&self, target: &Target) -> bool {
        match (self, target.address()) {
            (Self::Any, _) => true,
            (Self::Net(net), Some(address)) => net.contains(&address),
            (Self::Name(name), None) => target.host_name() == &**name,
            (Self::Below(parent), None) => {
                target.host_name().strip_suffix(&**parent).is_some_and(|labels| !labels.is_empty())
            }
            _ => false,
        }
    }
}

/// Spellings that one server takes literally and another resolves, so that they may lead out of the prefix.
/// The URL parser has resolved `..` and `%2e%2e` where they are whole segments.
const AMBIGUOUS: [&str; 4] = ["%2e", "%2f", "%5c", "/.."];

fn is_below(path: &str, prefix: &str) -> bool {
    let Some(rest) = path.strip_prefix(prefix) else { return false };
    let at_boundary = rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/');
    at_boundary && !is_ambiguous(path)
}

fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    AMBIGUOUS.iter().any(|spelling| lower.contains(spelling))
}

impl Scheme {
    const ALL: [Self; 4] = [Self::Ws, Self::Wss, Self::Http, Self::Https];

    fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Wss => "wss",
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{}://", scheme.as_str())?;
        }
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Name(name) => f.write_str(name)?,
            HostPattern::Below(parent) => write!(f, "*{parent}")?,
            HostPattern::Net(net) => {
                match net.addr() {
                    IpAddr::V4(address) => write!(f, "{address}")?,
                    IpAddr::V6(address) => write!(f, "[{address}]")?,
                }
                // A path directly after an address could be read as a length.
                let path_follows = self.path.is_some() && self.port == PortPattern::Default;
                if path_follows || net.prefix_len() < net.max_prefix_len() {
                    write!(f, "/{}", net.prefix_len())?;
                }
            }
        }
        match self.port {
            PortPattern::Default => {}
            PortPattern::Any => f.write_str(":*")?,
            PortPattern::One(port) => write!(f, ":{port}")?,
        }
        f.write_str(self.path.as_deref().unwrap_or_default())
    }
}

impl TryFrom<String> for TargetPattern {
    type Error = PatternError;
    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<TargetPattern> for String {
    fn from(pattern: TargetPattern) -> Self {
        pattern.to_string()
    }
}
