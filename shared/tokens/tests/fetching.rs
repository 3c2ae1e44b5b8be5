//! One fetch of a key set, and each way in which it can go wrong.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use common::{TestKey, file};
use polysocket_config::Span;
use polysocket_tokens::{Algorithm, AuthConfig, JwksError, Keyring};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server does after it has read the request.
#[derive(Clone)]
enum Answer {
    /// Writes this and closes.
    Says(Vec<u8>),
    /// Writes this and then nothing, for ever.
    Stalls(Vec<u8>),
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let (Answer::Says(bytes) | Answer::Stalls(bytes)) = &answer;
    // The client may well have enough before the end.
    let _ = stream.write_all(bytes).await;
    if matches!(answer, Answer::Stalls(_)) {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

/// A server for one request; with TLS where there is an acceptor.
async fn serve(tls: Option<TlsAcceptor>, with: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match tls {
            None => answer(stream, with).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    answer(stream, with).await;
                }
            }
        }
    });
    address
}

async fn fetch(url: String, ca: Option<PathBuf>, timeout: Span) -> Result<usize, JwksError> {
    let config =
        AuthConfig { jwks_url: Some(url), jwks_ca: ca, jwks_timeout: timeout, ..AuthConfig::default() };
    Keyring::new(&config).unwrap().preload().await
}

fn ok(body: &str) -> Answer {
    Answer::Says(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

fn key_set() -> String {
    json!({ "keys": [TestKey::new("a", Algorithm::EdDsa).jwk()] }).to_string()
}

async fn fetch_plain(with: Answer, timeout: Span) -> Result<usize, JwksError> {
    let address = serve(None, with).await;
    fetch(format!("http://{address}/keys"), None, timeout).await
}

#[tokio::test]
async fn answers_over_http() {
    let long = Span::seconds(60);
    let set = key_set();
    assert_eq!(fetch_plain(ok(&set), long).await, Ok(1));
    let until_close = Answer::Says(format!("HTTP/1.0 200 OK\r\n\r\n{set}").into_bytes());
    assert_eq!(fetch_plain(until_close, long).await, Ok(1));
    let (one, two) = set.split_at(20);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n14\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        two.len()
    );
    assert_eq!(fetch_plain(Answer::Says(chunked.into_bytes()), long).await, Ok(1));

    let at_most = format!("{set}{}", " ".repeat(256 * 1024 - set.len()));
    assert_eq!(fetch_plain(ok(&at_most), long).await, Ok(1));
    assert!(matches!(fetch_plain(ok(&format!("{at_most} ")), long).await, Err(JwksError::Read { .. })));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{at_most}{at_most}");
    assert!(matches!(
        fetch_plain(Answer::Stalls(endless.into_bytes()), long).await,
        Err(JwksError::Read { .. })
    ));

    let broken = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len() + 1);
    assert!(matches!(
        fetch_plain(Answer::Says(broken.into_bytes()), long).await,
        Err(JwksError::Read { .. })
    ));
    for nonsense in ["", "SSH-2.0-OpenSSH_9.2p1\r\n", "HTTP/1.1 200 OK\r\nx: y"] {
        let found = fetch_plain(Answer::Says(nonsense.into()), long).await;
        assert!(matches!(found, Err(JwksError::Read { .. })), "{nonsense}: {found:?}");
    }
    for status in [204, 301, 302, 307, 401, 404, 500, 503] {
        let text = format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
        let found = fetch_plain(Answer::Says(text.into_bytes()), long).await;
        assert!(
            matches!(found, Err(JwksError::Status { status: s, .. }) if s == status),
            "{status}: {found:?}"
        );
    }
    assert!(matches!(fetch_plain(ok("<html>"), long).await, Err(JwksError::NoSet { .. })));
    assert_eq!(fetch_plain(ok(r#"{"keys":[]}"#), long).await, Ok(0));
}

#[tokio::test]
async fn a_deadline_for_all_of_it() {
    let short = Span::millis(50);
    for begun in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let found = fetch_plain(Answer::Stalls(begun.into()), short).await;
        assert!(matches!(found, Err(JwksError::Timeout { .. })), "{begun}: {found:?}");
    }
    // A server that takes the connection and never speaks TLS.
    let address = serve(None, Answer::Stalls(Vec::new())).await;
    let found = fetch(format!("https://{address}/keys"), None, short).await;
    assert!(matches!(found, Err(JwksError::Timeout { .. })), "{found:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(format!("http://{address}/keys?secret=1"), None, Span::seconds(60)).await.unwrap_err();
    assert!(matches!(error, JwksError::Connect { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(&address.to_string()) && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn https_proves_the_server() {
    let pair = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
        )
        .unwrap();
    let tls = TlsAcceptor::from(Arc::new(config));
    let ca = file(&certificate.pem());
    let port = async || serve(Some(tls.clone()), ok(&key_set())).await.port();
    let long = Span::seconds(60);

    assert_eq!(fetch(format!("https://localhost:{}/", port().await), Some(ca.clone()), long).await, Ok(1));
    for (name, ca) in [("localhost", None), ("127.0.0.1", Some(ca))] {
        let found = fetch(format!("https://{name}:{}/", port().await), ca, long).await;
        assert!(matches!(found, Err(JwksError::Connect { .. })), "{name}: {found:?}");
    }
}

#[test]
fn authorities_that_are_none() {
    for ca in [
        file(""),
        file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        file("").with_extension("x"),
    ] {
        let config = AuthConfig {
            jwks_url: Some("https://a.example".into()),
            jwks_ca: Some(ca),
            ..AuthConfig::default()
        };
        assert_eq!(Keyring::new(&config).unwrap_err().0[0].key, "auth.jwks_ca");
    }
}
