//! Who may not ask at all.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// Block lists.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    networks: Vec<IpNet>,
    users: HashSet<String>,
}

impl Blocked {
    /// Reads networks (`10.0.0.0/8`) or addresses, and names of users.
    pub(crate) fn new(networks: &[String], users: &[String]) -> Result<Self, String> {
        let networks = networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        Ok(Self { networks, users: users.iter().cloned().collect() })
    }

    pub(crate) fn address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    pub(crate) fn user(&self, name: &str) -> bool {
        self.users.contains(name)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| format!("`{text}` is no address or network; write 192.0.2.7 or 192.0.2.0/24"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        let list = ["192.0.2.7".to_owned(), "2001:db8::/32".to_owned()];
        let blocked = Blocked::new(&list, &["sub:eve".to_owned()]).expect("lists");
        let blocks = |text: &str| blocked.address(text.parse().expect(text));
        assert!(blocks("192.0.2.7") && blocks("::ffff:192.0.2.7") && blocks("2001:db8::1"));
        assert!(!blocks("192.0.2.8") && !blocks("::1"));
        assert!(blocked.user("sub:eve") && !blocked.user("sub:adam"));
        assert!(Blocked::new(&["example.com".to_owned()], &[]).is_err());
    }
}
