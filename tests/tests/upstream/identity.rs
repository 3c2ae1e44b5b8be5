//! Who the target thinks is there, and whom the relay believes.

use std::sync::Arc;

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{CreateError, Event, Message, Session, Settings, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::ports::TempDir;
use polysocket_tests::upstream::Upstream;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::opening::rude;
use crate::{Bed, SOON, closed, patterned};

#[tokio::test(flavor = "multi_thread")]
async fn the_target_sees_the_pages_origin_and_none_of_its_cookies() {
    let bed = Bed::start().await;
    let target = bed.upstream.url("/echo");
    let url = format!("{}/create?v=1&target={target}", bed.cluster.router());
    for (header, value, expected) in [
        ("Origin", "https://app.example.com", Some("https://app.example.com")),
        // A script request has no Origin.
        ("Referer", "https://page.example.com/path?query", Some("https://page.example.com")),
        ("X-Nothing", "x", None),
    ] {
        let before = bed.upstream.seen().len();
        let request = Request::get(&url)
            .header(header, value)
            .header("Cookie", "session=of-the-page")
            .header("Authorization", "Basic secret")
            .header("X-Forwarded-For", "192.0.2.7");
        let answer = bed.http.request(&request, SOON).await.unwrap();
        assert_eq!(answer.head.status(), 200);
        let seen = bed.upstream.seen();
        assert_eq!(seen.len(), before + 1);
        let head = &seen[before].head;
        assert_eq!(head.header("origin"), expected);
        assert_eq!(head.header("host"), Some(bed.upstream.address().to_string().as_str()));
        for name in ["cookie", "authorization", "referer", "x-forwarded-for"] {
            assert_eq!(head.header(name), None, "{name}");
        }
    }
    // An origin is no parameter.
    let answer = bed.http.request(&Request::get(&format!("{url}&origin=https://evil.example")), SOON).await;
    assert_eq!(answer.unwrap().head.status(), 200);
    assert_eq!(bed.upstream.seen().last().unwrap().head.header("origin"), None);
}

/// A TLS end before a plain target, with a certificate for these names by an authority of its own.
struct Tls {
    port: u16,
    authority: String,
}

impl Tls {
    async fn before(upstream: &Upstream, names: &[&str]) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, to) = (listener.local_addr().unwrap().port(), upstream.address());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the authority hangs up here.
                    let Ok(mut tls) = acceptor.accept(stream).await else { return };
                    let mut plain = TcpStream::connect(to).await.unwrap();
                    let _ = copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
        Self { port, authority: authority.pem() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wss_target_of_a_private_authority_needs_upstream_ca() {
    let upstream = Upstream::start().await.unwrap();
    let tls = Tls::before(&upstream, &["localhost", "127.0.0.1"]).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &tls.authority).unwrap();
    let (by_name, by_address) =
        (format!("wss://localhost:{}/echo", tls.port), format!("wss://127.0.0.1:{}/echo", tls.port));

    let trusting = TestCluster::dev(&["--upstream-ca", &file.to_string_lossy()]).await.unwrap();
    let http = trusting.client();
    for target in [&by_name, &by_address] {
        let session = Session::open(&http, &trusting.create(target), Settings::default()).await.unwrap();
        assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
        for message in [Message::text("over TLS"), Message::binary(patterned(300_000))] {
            session.send(message.clone());
            assert_eq!(session.expect_within(SOON).await, Event::Message(message));
        }
        session.close(Some(1000), "done");
        assert_eq!(session.expect_within(SOON).await, closed(1000, "done"));
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].head.header("host"), Some(format!("localhost:{}", tls.port).as_str()));

    // The authority is not known; the name is another; and no TLS is spoken there.
    let wary = TestCluster::dev(&[]).await.unwrap();
    let other = Tls::before(&upstream, &["other.example"]).await;
    let both = format!("{}{}", tls.authority, other.authority);
    std::fs::write(&file, both).unwrap();
    let knowing = TestCluster::dev(&["--upstream-ca", &file.to_string_lossy()]).await.unwrap();
    for (cluster, target) in [
        (&wary, by_name),
        (&knowing, format!("wss://localhost:{}/echo", other.port)),
        (&knowing, rude(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), true).await.replace("ws://", "wss://")),
    ] {
        match create(&cluster.client(), &cluster.create(&target)).await {
            Err(CreateError::Refused { status: 502, code, .. }) => assert_eq!(code, "upstream-refused"),
            unexpected => panic!("{target}: {unexpected:?}"),
        }
    }
    assert_eq!(upstream.seen().len(), 2, "nothing was said to a target that is not to be trusted");
}
