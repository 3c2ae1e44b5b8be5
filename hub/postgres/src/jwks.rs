//! The key set of an issuer: fetched when it is needed, kept, and used on while the issuer cannot be reached.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use crate::key::{self, Key};

/// The most bytes that a key set may have; real ones have a few thousand.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A key set at a URL.
pub struct Jwks {
    url: Url,
    within: Duration,
    max_age: Duration,
    floor: Duration,
    tls: Arc<ClientConfig>,
    kept: SyncMutex<Kept>,
    /// Held while it is fetched: whoever comes then waits for the same answer.
    fetching: Mutex<()>,
}

#[derive(Default, Clone)]
struct Kept {
    keys: Arc<[Key]>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Jwks {
    /// Fetches nothing yet.
    pub fn new(url: &str, within: Duration, max_age: Duration, floor: Duration) -> Result<Self, String> {
        let url: Url = url.parse().map_err(|error| format!("is no URL: {error}"))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (kept, fetching) = (SyncMutex::default(), Mutex::default());
        Ok(Self { url, within, max_age, floor, tls: Arc::new(tls), kept, fetching })
    }

    /// The keys, for a token with this id: fetched where there are none, they are old, or this one is not among them.
    pub async fn keys(&self, id: Option<&str>) -> Arc<[Key]> {
        let is_good = |kept: &Kept| {
            let is_young = kept.fetched.is_some_and(|at| at.elapsed() < self.max_age);
            let has_it = id.is_none_or(|id| kept.keys.iter().any(|key| key.id.as_deref() == Some(id)));
            (is_young && has_it) || kept.tried.is_some_and(|at| at.elapsed() < self.floor)
        };
        let kept = self.kept();
        if is_good(&kept) {
            return kept.keys;
        }
        let _turn = self.fetching.lock().await;
        let kept = self.kept();
        if is_good(&kept) {
            return kept.keys;
        }
        let fetched = timeout(self.within, self.fetch()).await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tried = Some(Instant::now());
        match fetched {
            Ok(Ok(keys)) => {
                tracing::info!(keys = keys.len(), "fetched the key set");
                kept.keys = keys.into();
                kept.fetched = Some(Instant::now());
            }
            Ok(Err(why)) => {
                tracing::warn!(why, kept = kept.keys.len(), "cannot fetch the key set at postgres.jwks_url");
            }
            Err(_) => {
                tracing::warn!(within = ?self.within, "the key set at postgres.jwks_url did not come in time");
            }
        }
        kept.keys.clone()
    }

    fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let told = |error: hyper::Error| error.to_string();
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(self.connect().await?)).await.map_err(told)?;
        let request = Request::get(&self.url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &self.url[Position::BeforeHost..Position::AfterPort])
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(told)?;
            if response.status() != StatusCode::OK {
                return Err(format!("the answer is {}; redirects are not followed", response.status()));
            }
            let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            let keys = key::read_set(&body).ok_or_else(|| "what came is no set of JWKs".to_owned())?;
            // A secret that is at a URL is none.
            Ok(keys.into_iter().filter(|key| !key.shared).collect())
        };
        // Driven here and not by a task, so that it ends with the deadline.
        let driven = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            keys = exchange => keys,
            () = driven => Err("the connection ended".to_owned()),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let host = self.url.host_str().ok_or("the URL has no host")?.trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        if self.url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let tls = TlsConnector::from(self.tls.clone()).connect(name, tcp).await;
        Ok(Box::new(tls.map_err(|error| error.to_string())?))
    }
}
