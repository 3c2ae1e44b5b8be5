//! The server's certificate: read at start, read again on SIGHUP and when its file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;

use crate::Lifecycle;

/// How often the files are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct TlsError {
    path: PathBuf,
    why: String,
}

/// A certificate that can be replaced while connections run: new handshakes get the new one, the others keep
/// theirs.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<(Arc<CertifiedKey>, Option<SystemTime>)>,
}

impl Certificate {
    /// Reads chain and key (PEM).
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new((read(chain, key)?, modified(chain)));
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads them again. When they cannot be used the old ones stay.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = (read(&self.chain, &self.key)?, modified(&self.chain));
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn current(&self) -> (Arc<CertifiedKey>, Option<SystemTime>) {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Reloads on SIGHUP and when the chain's file changes, until the process stops.
    pub fn watch(self: &Arc<Self>, life: &Lifecycle) {
        let (certificate, life_of_task) = (self.clone(), life.clone());
        life.spawn(async move {
            let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
            loop {
                let told = async {
                    match &mut hangup {
                        Some(hangup) => drop(hangup.recv().await),
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = life_of_task.stopping() => return,
                    () = told => {}
                    () = tokio::time::sleep(WATCH_EVERY) => {
                        if modified(&certificate.chain) == certificate.current().1 {
                            continue;
                        }
                    }
                }
                match certificate.reload() {
                    Ok(()) => tracing::info!(chain = %certificate.chain.display(), "certificate reloaded"),
                    Err(error) => tracing::error!(%error, "the old certificate stays"),
                }
            }
        });
    }

    /// A configuration for listeners: TLS 1.2 and 1.3, h2 and HTTP/1.1.
    pub fn server_config(self: &Arc<Self>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().0)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|file| file.modified()).ok()
}

fn read(chain: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |why: String| TlsError { path, why }
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(chain)(format!("cannot be read as certificates in PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(wrong(chain)("has no certificate in PEM".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| wrong(key)(format!("cannot be read as a private key in PEM: {error}")))?;
    CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider())
        .map(Arc::new)
        .map_err(|error| wrong(key)(format!("does not fit the certificate {}: {error}", chain.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
        let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        (chain, key)
    }

    #[test]
    fn a_new_file_replaces_and_a_broken_one_does_not() {
        let dir = std::env::temp_dir().join(format!("polysocket-tls-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let (chain, key) = write(&dir, "one.example");
        let certificate = Certificate::load(&chain, &key).expect("loaded");
        let first = certificate.current().0;

        write(&dir, "two.example");
        certificate.reload().expect("reloaded");
        let second = certificate.current().0;
        assert_ne!(first.cert, second.cert);

        std::fs::write(&chain, "no certificate").expect("written");
        assert!(certificate.reload().is_err());
        assert_eq!(certificate.current().0.cert, second.cert);
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
