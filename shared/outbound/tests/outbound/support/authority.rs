//! A certificate authority, and TLS servers with its certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Verifiers look for an issuer by its name.
        params.distinguished_name.push(DnType::CommonName, format!("test authority {count}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let file = std::env::temp_dir().join(format!("polysocket-ca-{}-{count}.pem", std::process::id()));
        std::fs::write(&file, pem).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// Its certificate as PEM.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Takes one connection and echoes; gives the server name and the protocol that the client asked for.
    pub async fn serve(&self, names: &[&str]) -> (SocketAddr, JoinHandle<Asked>) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            // A client that does not trust us ends the handshake.
            let Ok(mut tls) = acceptor.accept(tcp).await else { return Asked::default() };
            let (_, session) = tls.get_ref();
            let asked = Asked {
                server_name: session.server_name().map(str::to_owned),
                protocol: session.alpn_protocol().map(|p| String::from_utf8_lossy(p).into_owned()),
            };
            let mut buffer = [0; 64];
            while let Ok(read @ 1..) = tls.read(&mut buffer).await {
                tls.write_all(&buffer[..read]).await.unwrap();
                tls.flush().await.unwrap();
            }
            asked
        });
        (address, task)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        std::fs::remove_file(&self.file).ok();
    }
}

/// What a client told in its handshake.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub server_name: Option<String>,
    pub protocol: Option<String>,
}
