//! The environment as a value, so that no test reads or sets the real one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use crate::{Key, Outline};

/// What the names of all variables begin with.
pub(crate) const PREFIX: &str = "POLYSOCKET_";

/// The variable of a key: `POLYSOCKET_RELAYD_LISTEN`.
pub(crate) fn variable(outline: &Outline, key: &Key) -> String {
    format!("{PREFIX}{}_{}", outline.name, key.name).to_ascii_uppercase()
}

/// The environment variables that begin with `POLYSOCKET_`, by name.
///
/// Those that Kubernetes sets for a service that happens to be called `polysocket`, or `polysocket-` and
/// more, are left out: nobody wrote them to configure anything.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The environment of this process, as it is now.
    pub fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// An environment of these variables.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let ours = variables
            .into_iter()
            // A name that is not UTF-8 begins with our prefix only by mistake, and can name no key.
            .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self(without_service_links(ours))
    }

    /// Names and values in order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &OsString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Kubernetes gives each pod variables for each service of its namespace, `polysocket-router` becoming
/// `POLYSOCKET_ROUTER_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_HTTP`, `…_PORT` (`tcp://10.0.0.7:80`),
/// `…_PORT_80_TCP_ADDR` and so on ("Accessing the Service", kubernetes.io). The first two always come
/// together and tell a service from a key that looks like one of the others.
fn without_service_links(mut variables: BTreeMap<String, OsString>) -> BTreeMap<String, OsString> {
    let services: Vec<String> = variables
        .keys()
        .filter_map(|name| name.strip_suffix("_SERVICE_HOST"))
        .filter(|service| variables.contains_key(&format!("{service}_SERVICE_PORT")))
        .map(str::to_owned)
        .collect();
    let is_link = |name: &str, value: &OsString| {
        services.iter().filter_map(|service| name.strip_prefix(service.as_str())).any(|rest| match rest {
            "_SERVICE_HOST" => true,
            "_PORT" => value.to_str().is_some_and(|value| value.contains("://")),
            _ => rest.starts_with("_SERVICE_PORT") || is_port_link(rest),
        })
    };
    variables.retain(|name, value| !is_link(name, value));
    variables
}

/// `_PORT_80_TCP` and what may follow it.
fn is_port_link(rest: &str) -> bool {
    let Some((port, after)) = rest.strip_prefix("_PORT_").and_then(|rest| rest.split_once('_')) else {
        return false;
    };
    let protocol = after.split('_').next().unwrap_or(after);
    port.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].contains(&protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[(&str, &str)]) -> Vec<String> {
        Environment::new(variables.iter().copied()).iter().map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn only_ours_and_in_order() {
        assert_eq!(
            names(&[("PATH", "/bin"), ("POLYSOCKET_B", "2"), ("POLYSOCKET_A", "1"), ("POLYSOCKETX", "")]),
            ["POLYSOCKET_A", "POLYSOCKET_B"]
        );
    }

    #[test]
    fn kubernetes_service_links_are_not_ours() {
        let links = [
            ("POLYSOCKET_ROUTER_SERVICE_HOST", "10.0.0.7"),
            ("POLYSOCKET_ROUTER_SERVICE_PORT", "80"),
            ("POLYSOCKET_ROUTER_SERVICE_PORT_HTTP", "80"),
            ("POLYSOCKET_ROUTER_PORT", "tcp://10.0.0.7:80"),
            ("POLYSOCKET_ROUTER_PORT_80_TCP", "tcp://10.0.0.7:80"),
            ("POLYSOCKET_ROUTER_PORT_80_TCP_ADDR", "10.0.0.7"),
            ("POLYSOCKET_ROUTER_PORT_80_TCP_PORT", "80"),
            ("POLYSOCKET_ROUTER_PORT_80_TCP_PROTO", "tcp"),
            ("POLYSOCKET_SERVICE_HOST", "10.0.0.8"),
            ("POLYSOCKET_SERVICE_PORT", "80"),
            ("POLYSOCKET_PORT", "tcp://10.0.0.8:80"),
        ];
        assert_eq!(names(&links), Vec::<String>::new());
        // The same names without the service, and other names beside it, are keys or mistakes.
        assert_eq!(names(&[("POLYSOCKET_ROUTER_PORT_80_TCP", "x")]), ["POLYSOCKET_ROUTER_PORT_80_TCP"]);
        let mut beside = links.to_vec();
        beside[3].1 = "8080";
        beside.push(("POLYSOCKET_ROUTER_PORT_RANGE", "1-2"));
        beside.push(("POLYSOCKET_ROUTER_LISTEN", "[::]:80"));
        assert_eq!(
            names(&beside),
            ["POLYSOCKET_ROUTER_LISTEN", "POLYSOCKET_ROUTER_PORT", "POLYSOCKET_ROUTER_PORT_RANGE"]
        );
    }

    #[test]
    fn shows_names_only() {
        let shown = format!("{:?}", Environment::new([("POLYSOCKET_AUTH_SECRET", "hunter2")]));
        assert_eq!(shown, "{\"POLYSOCKET_AUTH_SECRET\"}");
    }
}
