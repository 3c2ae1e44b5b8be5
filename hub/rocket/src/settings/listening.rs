//! Where the original listens, by its file and its flags.

use polysocket_config::{ConfigError, Problem};

use super::address::joined;
use super::section::RocketConfig;

/// Where the original listens by its documentation.
pub(super) const HOST: &str = "localhost";
/// Its port.
pub(super) const PORT: u16 = 9772;

/// What the file and the flags say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) certificate: Option<String>,
    pub(super) private: Option<String>,
    pub(super) log: Option<String>,
}

impl Listening {
    /// Those of `over` that are given win.
    pub(super) fn overridden(self, over: Self) -> Self {
        Self {
            host: over.host.or(self.host),
            port: over.port.or(self.port),
            certificate: over.certificate.or(self.certificate),
            private: over.private.or(self.private),
            log: over.log.or(self.log),
        }
    }

    /// TLS when both files are named, as the original; one alone is a mistake, and is said to be.
    pub(super) fn apply(self, config: &mut RocketConfig) -> Result<(), ConfigError> {
        let address = joined(self.host.as_deref().unwrap_or(HOST), self.port.unwrap_or(PORT));
        let given = |file: Option<String>| file.filter(|path| !path.is_empty());
        config.log = given(self.log).map(Into::into);
        match (given(self.certificate), given(self.private)) {
            (Some(certificate), Some(private)) => {
                config.listen = Vec::new();
                config.tls_listen = vec![address];
                config.tls_certificate = Some(certificate.into());
                config.tls_private = Some(private.into());
                Ok(())
            }
            (None, None) => {
                config.listen = vec![address];
                Ok(())
            }
            (Some(_), None) => Err(ConfigError(vec![Problem::new(
                "TLSKeyFile",
                "is missing, and TLSCertFile is given; TLS needs both",
            )])),
            (None, Some(_)) => Err(ConfigError(vec![Problem::new(
                "TLSCertFile",
                "is missing, and TLSKeyFile is given; TLS needs both",
            )])),
        }
    }
}
