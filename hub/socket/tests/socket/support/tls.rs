//! A certificate, and a client that trusts it.

use std::net::SocketAddr;
use std::sync::Arc;

use polysocket_service::tls::Certificate;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

pub struct Authority {
    root: CertificateDer<'static>,
    pub certificate: Arc<Certificate>,
}

impl Authority {
    pub fn new(test: &str) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = std::env::temp_dir().join(format!("polysocket-socket-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        Self { root: made.cert.der().clone(), certificate }
    }

    pub async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let socket = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), socket).await.unwrap()
    }
}
