//! One GET of a key set over HTTP/1.1, within a deadline. No redirects, no proxies, no kept connections: this
//! runs once in ten minutes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use super::set;
use crate::key::VerifyingKey;

/// The most bytes a key set may have; real ones have a few thousand.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Why a key set could not be had. The operator's to mend, or the issuer's; it names no more than the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Nothing was fetched yet.
    #[error("the key set was not fetched yet")]
    NotYet,
    /// The deadline passed.
    #[error(
        "{host} did not send the key set within {after:?}; is auth.jwks_url right, and may this machine reach it?"
    )]
    Timeout {
        /// Where.
        host: String,
        /// The deadline.
        after: Duration,
    },
    /// No connection, or no TLS.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// Where.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// Another status than 200.
    #[error(
        "{host} answered {status}; auth.jwks_url must be the place itself, as redirects are not followed"
    )]
    Status {
        /// Where.
        host: String,
        /// The status.
        status: u16,
    },
    /// HTTP that breaks off or is too long.
    #[error("cannot read the key set from {host}: {reason}")]
    Read {
        /// Where.
        host: String,
        /// What broke.
        reason: String,
    },
    /// Not a JWK set.
    #[error("what {host} sent is no key set: {reason}")]
    NoSet {
        /// Where.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Fetches from one URL.
pub struct Fetcher {
    url: Url,
    timeout: Duration,
    tls: Arc<ClientConfig>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetcher({})", self.host())
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Fetcher {
    /// `url` is http or https; `roots` are whose certificates are trusted for it.
    pub fn new(url: Url, timeout: Duration, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { url, timeout, tls: Arc::new(tls) })
    }

    /// The keys that are there now.
    pub async fn fetch(&self) -> Result<Vec<VerifyingKey>, JwksError> {
        let late = |_| JwksError::Timeout { host: self.host(), after: self.timeout };
        let body = tokio::time::timeout(self.timeout, self.get()).await.map_err(late)??;
        set::parse(&body).map_err(|reason| JwksError::NoSet { host: self.host(), reason })
    }

    async fn get(&self) -> Result<Bytes, JwksError> {
        let failed = |error: hyper::Error| JwksError::Read { host: self.host(), reason: chain(&error) };
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let request = Request::get(&self.url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &self.url[Position::BeforeHost..Position::AfterPort])
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, concat!("polysocket/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| JwksError::Read { host: self.host(), reason: error.to_string() })?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(failed)?;
            if response.status() != StatusCode::OK {
                return Err(JwksError::Status { host: self.host(), status: response.status().as_u16() });
            }
            let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
            let unread = |error: Box<dyn std::error::Error + Send + Sync>| JwksError::Read {
                host: self.host(),
                reason: chain(error.as_ref()),
            };
            Ok(body.map_err(unread)?.to_bytes())
        };
        // The connection is driven here and not by a task, so that it ends with the deadline. That it has
        // ended says nothing: what it has read is still handed over.
        let driver = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            body = exchange => body,
            () = driver => unreachable!("it pends for ever"),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, JwksError> {
        let failed = |reason: String| JwksError::Connect { host: self.host(), reason };
        let host = self.url.host().ok_or_else(|| failed("the URL has no host".to_owned()))?;
        let port = self.url.port_or_known_default().unwrap_or(443);
        let tcp = match host {
            Host::Domain(name) => TcpStream::connect((name, port)).await,
            Host::Ipv4(address) => TcpStream::connect((address, port)).await,
            Host::Ipv6(address) => TcpStream::connect((address, port)).await,
        }
        .map_err(|error| failed(error.to_string()))?;
        if self.url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        let name = match host {
            Host::Domain(name) => {
                ServerName::try_from(name.to_owned()).map_err(|error| failed(error.to_string()))?
            }
            Host::Ipv4(address) => ServerName::IpAddress(std::net::IpAddr::V4(address).into()),
            Host::Ipv6(address) => ServerName::IpAddress(std::net::IpAddr::V6(address).into()),
        };
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| failed(error.to_string()))?))
    }

    /// Host and port, which may be told; a query may hold what may not.
    fn host(&self) -> String {
        self.url[Position::BeforeHost..Position::AfterPort].to_owned()
    }
}

/// The certificate authorities of the system, or those of Mozilla where it has none, as in an empty
/// container; and those in a PEM file.
pub fn trusted_roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let Some(path) = file else { return Ok(roots) };
    let unusable = |reason: &dyn fmt::Display| format!("cannot use {}: {reason}", path.display());
    let system = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.len() == system { Err(unusable(&"there is no certificate in it")) } else { Ok(roots) }
}

/// An error with what caused it; hyper says the interesting part only there.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
