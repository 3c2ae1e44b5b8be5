//! The listeners of each protocol.

use std::collections::BTreeMap;

use polysocket_service::http::{Bound, bind_all};

use crate::{HubError, Protocol, Sections};

/// What the sections of the protocols say about where they listen, bound.
#[derive(Debug, Default)]
pub struct Listeners(BTreeMap<Protocol, Vec<Bound>>);

impl Listeners {
    /// Binds for the protocols of `hub.protocols`.
    ///
    /// # Errors
    /// The address or the file, and what is wrong with it.
    pub fn bind(sections: &Sections) -> Result<Self, HubError> {
        macro_rules! bound {
            ($config:expr) => {{
                let config = $config;
                let (chain, private) = (&config.tls_certificate, &config.tls_private);
                bind_all(&config.listen, &config.tls_listen, chain.as_deref(), private.as_deref())
            }};
        }
        let mut listeners = BTreeMap::new();
        for protocol in sections.hub.running() {
            let bound = match protocol {
                Protocol::Rocket => bound!(&sections.rocket),
                Protocol::Gockets => bound!(&sections.gockets),
                Protocol::Pogo => bound!(&sections.pogo),
                Protocol::Postgres => bound!(&sections.postgres),
            };
            listeners.insert(protocol, bound.map_err(HubError::Listen)?);
        }
        Ok(Self(listeners))
    }

    /// Those of a protocol. Once.
    pub fn take(&mut self, protocol: Protocol) -> Vec<Bound> {
        self.0.remove(&protocol).unwrap_or_default()
    }

    /// The ports of a protocol.
    pub fn ports(&self, protocol: Protocol) -> Vec<u16> {
        let bound = self.0.get(&protocol).into_iter().flatten();
        bound.filter_map(|bound| Some(bound.address().ok()?.port())).collect()
    }
}
