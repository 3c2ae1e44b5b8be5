//! Whom to believe that a server is the one it says.

use std::path::{Path, PathBuf};

use redis::TlsCertificates;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates of the authorities that may have signed those of the servers. They take the place of the system's own.
#[derive(Clone)]
pub struct Authorities(TlsCertificates);

/// Operator: a file of certificates cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct AuthoritiesError {
    path: PathBuf,
    why: String,
}

impl Authorities {
    /// Reads a file with one certificate or several (PEM).
    pub fn read(path: &Path) -> Result<Self, AuthoritiesError> {
        let wrong = |why: String| AuthoritiesError { path: path.to_owned(), why };
        let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        // The client would take a file without certificates, and then believe no server.
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate
                .map_err(|error| wrong(format!("cannot be read as certificates in PEM: {error}")))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(format!("has a certificate that cannot be used: {error}")))?;
        }
        if roots.is_empty() {
            return Err(wrong("has no certificate in PEM".to_owned()));
        }
        Ok(Self(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
    }

    pub(crate) fn certificates(&self) -> TlsCertificates {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_told_by_its_name() {
        let path = std::env::temp_dir().join(format!("polysocket-authorities-{}.pem", std::process::id()));
        let why = || Authorities::read(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why().contains("cannot be read") && why().contains("authorities"), "{}", why());
        for (text, expected) in [
            ("a text", "has no certificate in PEM"),
            ("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", "cannot be read as certificates"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "that cannot be used"),
        ] {
            std::fs::write(&path, text).expect("written");
            assert!(why().contains(expected), "{}", why());
        }
        std::fs::remove_file(&path).expect("removed");
    }
}
