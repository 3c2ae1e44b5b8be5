//! An authority of an operator's own, and a certificate of it for servers on the loopback.

use std::path::PathBuf;

use polysocket_tests::ports::TempDir;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

pub struct Tls {
    folder: TempDir,
}

impl Tls {
    pub fn new() -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Without a name of its own it would have the server's, and OpenSSL take that for its own issuer.
        ca.distinguished_name.push(DnType::CommonName, "an operator's authority");
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
        let tls = Self { folder: TempDir::new().unwrap() };
        std::fs::write(tls.file("ca"), ca_certificate.pem()).unwrap();
        std::fs::write(tls.file("certificate"), certificate.pem()).unwrap();
        std::fs::write(tls.file("key"), key.serialize_pem()).unwrap();
        tls
    }

    /// What clients have to believe.
    pub fn ca(&self) -> PathBuf {
        self.file("ca")
    }

    /// Settings of a server that takes TLS on this port, and speaks it with other servers.
    pub fn settings(&self, port: u16) -> Vec<(&'static str, String)> {
        let file = |name| self.file(name).to_string_lossy().into_owned();
        vec![
            ("tls-port", port.to_string()),
            ("tls-ca-cert-file", file("ca")),
            ("tls-cert-file", file("certificate")),
            ("tls-key-file", file("key")),
            ("tls-auth-clients", "no".to_owned()),
            ("tls-replication", "yes".to_owned()),
        ]
    }

    /// The same as options of a command line.
    pub fn options(&self, port: u16) -> Vec<String> {
        self.settings(port).into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }
}
