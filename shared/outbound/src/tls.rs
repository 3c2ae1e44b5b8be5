//! TLS towards targets: whom we trust, and what we offer.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::{SetupError, TargetsConfig};

/// WebSockets start as HTTP/1.1 (RFC 6455 section 4.1); HTTP/2 would need another handshake.
const ALPN: &[u8] = b"http/1.1";

/// Trusts Mozilla's authorities, the system's, and the operator's own.
pub(crate) fn connector(config: &TargetsConfig) -> Result<TlsConnector, SetupError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "cannot read some of the system's certificate authorities");
    }
    let (_, unusable) = roots.add_parsable_certificates(native.certs);
    if unusable > 0 {
        tracing::warn!(unusable, "some of the system's certificate authorities cannot be used");
    }
    if let Some(path) = &config.upstream_ca {
        add_authorities(&mut roots, path)?;
    }
    // The provider is named here, since a process-wide default panics when two crates bring one each.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsConnector::from(Arc::new(client)))
}

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    let unusable = |problem: String| SetupError::Authorities { path: path.to_owned(), problem };
    let mut found = false;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        found = true;
    }
    if found { Ok(()) } else { Err(unusable("there is no certificate in it".into())) }
}
