//! The text of a pattern, taken apart from left to right.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

use super::{HostPattern, PatternError, PortPattern, Scheme, TargetPattern, is_ambiguous};
use crate::name;

/// Bytes of a pattern; more than any real one has.
const PATTERN_BYTES_MAX: usize = 1024;

impl FromStr for TargetPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        parse(text).map_err(|problem| PatternError {
            pattern: text.chars().take(80).collect(),
            problem: problem.into(),
        })
    }
}

/// What is wrong with a pattern, in words.
type Problem = Cow<'static, str>;

fn parse(text: &str) -> Result<TargetPattern, Problem> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes").into());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("there is white space in it".into());
    }
    if text.contains(['?', '#', '@', '\\']) {
        return Err("a pattern has no user, query or fragment".into());
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => {
            let known = Scheme::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(scheme));
            (Some(known.ok_or("the scheme is ws, wss, http or https, or left out for any")?), rest)
        }
        None => (None, text),
    };
    let (host, rest) = parse_host(rest)?;
    let (port, rest) = parse_port(rest)?;
    Ok(TargetPattern { scheme, host, port, path: parse_path(rest)? })
}

fn parse_host(text: &str) -> Result<(HostPattern, &str), Problem> {
    let (address, rest) = if let Some(inner) = text.strip_prefix('[') {
        let (address, rest) = inner.split_once(']').ok_or("the `]` after the address is missing")?;
        (address.parse::<Ipv6Addr>().map_err(|_| "there is no IPv6 address in the brackets")?.into(), rest)
    } else {
        let (host, rest) = text.split_at(text.find([':', '/']).unwrap_or(text.len()));
        if rest.split('/').next().is_some_and(|port| port.matches(':').count() > 1) {
            return Err("write an IPv6 address in brackets, as in [fd00::]/8".into());
        }
        match host.parse::<Ipv4Addr>() {
            Ok(address) => (IpAddr::V4(address), rest),
            Err(_) => return Ok((parse_name(host)?, rest)),
        }
    };
    let (net, rest) = parse_net(address, rest)?;
    Ok((HostPattern::Net(net), rest))
}

fn parse_name(host: &str) -> Result<HostPattern, Problem> {
    if host == "*" {
        return Ok(HostPattern::Any);
    }
    let parent = host.strip_prefix("*.");
    let written = parent.unwrap_or(host);
    if written.is_empty() {
        return Err("the host is missing; write * for all".into());
    }
    if written.contains('*') {
        return Err("a * stands for a whole host or for the labels before a name, as in *.example.com".into());
    }
    match Host::parse(written) {
        Ok(Host::Domain(domain)) if name::is_valid(name::without_trailing_dot(&domain)) => {
            let domain = name::without_trailing_dot(&domain);
            Ok(match parent {
                Some(_) => HostPattern::Below(format!(".{domain}").into()),
                None => HostPattern::Name(domain.into()),
            })
        }
        Ok(Host::Ipv4(address)) if parent.is_none() => Err(format!("write the address as {address}").into()),
        _ => Err("the host is neither a name nor an address".into()),
    }
}

/// `/8` directly after an address is the length of a network; a path would come after the port.
fn parse_net(address: IpAddr, text: &str) -> Result<(IpNet, &str), Problem> {
    // Targets show IPv4-mapped addresses as IPv4.
    let address = address.to_canonical();
    let Some(after) = text.strip_prefix('/') else { return Ok((IpNet::from(address), text)) };
    let (length, rest) = after.split_at(after.find([':', '/']).unwrap_or(after.len()));
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Ok((IpNet::from(address), text));
    }
    let net = length
        .parse()
        .ok()
        .and_then(|length| IpNet::new(address, length).ok())
        .ok_or("the length of the network is more than its address has bits")?;
    if net.trunc() != net {
        return Err(format!("write the network as {}, or the address without a length", net.trunc()).into());
    }
    Ok((net, rest))
}

fn parse_port(text: &str) -> Result<(PortPattern, &str), Problem> {
    let Some(after) = text.strip_prefix(':') else { return Ok((PortPattern::Default, text)) };
    let (port, rest) = after.split_at(after.find('/').unwrap_or(after.len()));
    if port == "*" {
        return Ok((PortPattern::Any, rest));
    }
    let number = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok()).flatten();
    Ok((PortPattern::One(number.ok_or("the port is a number from 1 to 65535, or * for all")?), rest))
}

fn parse_path(text: &str) -> Result<Option<Box<str>>, Problem> {
    if text.is_empty() || text == "/" {
        return Ok(None);
    }
    if !text.starts_with('/') {
        return Err("what follows the host is neither a port nor a path".into());
    }
    if text.contains('*') {
        return Err("a path means what is below it too; leave out the *".into());
    }
    // In the spelling that targets have.
    let url = Url::parse(&format!("ws://host{text}")).map_err(|_| "the path is not one of a URL")?;
    if is_ambiguous(url.path()) {
        return Err("an escaped dot or slash in the path matches nothing; write the path as it is".into());
    }
    Ok(Some(url.path()).filter(|path| *path != "/").map(Into::into))
}
