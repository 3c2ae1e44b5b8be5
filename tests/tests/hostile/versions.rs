//! h2, TLS, and a certificate that is replaced.

use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use polysocket_tests::client::create;
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::ports::{TempDir, free_port};
use polysocket_tests::raw::Raw;
use polysocket_tests::upstream::Upstream;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::{Bed, CUT_OFF, SOON, json, secret_of};

/// A create, a send, polls that wait and one that does not, and a stream, on one h2 connection.
async fn speaks_h2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    authority: &str,
    socket: &str,
) {
    let executor = TokioExecutor::new();
    let (sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(executor, TokioIo::new(stream))
            .await
            .unwrap();
    let driver = tokio::spawn(connection);
    let request = |method: &str, path: String, body: &str| {
        let uri = format!("http://{authority}{path}");
        let body = Full::new(Bytes::from(body.to_owned()));
        hyper::Request::builder().method(method).uri(uri).body(body).unwrap()
    };
    let json = async |answer: hyper::Response<Incoming>| -> Value {
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    };
    let sent = sender.clone().send_request(request("POST", format!("/s/{socket}?n=1&t=t"), "over h2"));
    let sent = sent.await.unwrap();
    assert_eq!((sent.version(), sent.status().as_u16()), (hyper::Version::HTTP_2, 201));
    let mut ack = 0;
    let mut texts = Vec::new();
    while texts.is_empty() {
        let polled = sender.clone().send_request(request("GET", format!("/j/{socket}?ack={ack}"), ""));
        let polled = json(polled.await.unwrap()).await;
        let messages = polled["messages"].as_array().unwrap();
        ack += messages.len();
        texts.extend(messages.iter().filter_map(|message| message["data"].as_str()).map(String::from));
    }
    assert_eq!(texts, ["over h2"]);
    // One that waits does not hold up the others of its connection.
    let waiting = sender.clone().send_request(request("GET", format!("/j/{socket}?ack={ack}&ttl=20000"), ""));
    let waiting = tokio::spawn(waiting);
    let sent =
        sender.clone().send_request(request("POST", format!("/s/{socket}?n=2&t=t"), "meanwhile")).await;
    assert_eq!(sent.unwrap().status().as_u16(), 201);
    let polled = json(waiting.await.unwrap().unwrap()).await;
    assert_eq!(polled["messages"][0]["data"], "meanwhile");
    let mut stream =
        sender.clone().send_request(request("GET", format!("/x/{socket}?ack={ack}"), "")).await.unwrap();
    let frame = stream.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame[0], 8, "a stream begins with `start`");
    driver.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_is_served_without_tls_to_who_knows_it() {
    // With the time-outs as they are: on a busy machine more than a second may pass between two requests.
    let mut bed = Bed::with(&[("admin", "listen = \"127.0.0.1:0\""), ("log", "level = \"debug\"")]).await;
    let created = bed.created("/echo").await;
    let stream = TcpStream::connect(bed.cluster.router()).await.unwrap();
    speaks_h2(stream, &bed.router(), &created.socket).await;
    // And somebody who begins so and goes on with nonsense.
    let mut raw = bed.raw().await;
    raw.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").await.unwrap();
    assert!(raw.ends(SOON).await);
    bed.is_unharmed(&[secret_of(&created.socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_connections_that_say_nothing_end() {
    let mut bed = Bed::start().await;
    for beginning in ["PRI * HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut raw = bed.raw().await;
        raw.write(beginning).await.unwrap();
        assert!(raw.ends(CUT_OFF).await, "{beginning:?}");
    }
    bed.is_unharmed(&[]).await;
    // Somebody who answers its pings, and has asked for something once.
    let mut bed = Bed::with(&[
        ("http", "head_timeout = \"3s\""),
        ("admin", "listen = \"127.0.0.1:0\""),
        ("log", "level = \"debug\""),
    ])
    .await;
    let (mut sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(TcpStream::connect(bed.cluster.router()).await.unwrap()),
    )
    .await
    .unwrap();
    let connection = tokio::spawn(connection);
    let request =
        hyper::Request::get(format!("http://{}/nothing", bed.router())).body(Full::default()).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status().as_u16(), 404);
    tokio::time::timeout(SOON, connection).await.expect("it ends").unwrap().unwrap();
    bed.is_unharmed(&[]).await;
}

fn certificate(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap()
}

/// Connects, trusting this certificate alone.
async fn tls(
    port: u16,
    trusted: &CertificateDer<'static>,
    alpn: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_listeners_speak_both_versions_and_take_a_new_certificate_without_dropping_anybody() {
    let folder = TempDir::new().unwrap();
    let old = certificate(folder.path());
    let port = free_port().unwrap();
    let lines = format!(
        "tls_listen = [\"127.0.0.1:{port}\"]\ntls_certificate = \"{0}/chain.pem\"\ntls_private = \"{0}/key.pem\"",
        folder.path().display()
    );
    let mut cluster = TestCluster::redis_with(1, 1, &[("relayd", &lines)]).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let http = cluster.client();
    let authority = format!("localhost:{port}");

    let created = create(&http, &cluster.create(&upstream.url("/echo"))).await.unwrap();
    let stream = tls(port, &old, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    speaks_h2(stream, &authority, &created.socket).await;

    let created = create(&http, &cluster.create(&upstream.url("/echo"))).await.unwrap();
    let mut receiver = Raw::over(tls(port, &old, "http/1.1").await.unwrap());
    receiver.write(format!("GET /x/{}?v=1&ack=0 HTTP/1.1\r\nHost: x\r\n\r\n", created.socket)).await.unwrap();
    assert_eq!(receiver.head(SOON).await.unwrap().unwrap().status(), 200);
    let mut parked = Raw::over(tls(port, &old, "http/1.1").await.unwrap());
    let other = create(&http, &cluster.create(&upstream.url("/echo"))).await.unwrap();
    parked.write(format!("GET /j/{}?ttl=20000 HTTP/1.1\r\nHost: x\r\n\r\n", other.socket)).await.unwrap();

    let new = certificate(folder.path());
    let process = cluster.relays[0].program.process();
    process.signal("HUP").await.unwrap();
    process.wait_for(SOON, |line| line.contains("certificate reloaded").then_some(())).await.unwrap();
    assert!(tls(port, &old, "http/1.1").await.is_err(), "new handshakes get the new certificate");
    let mut sender = Raw::over(tls(port, &new, "http/1.1").await.unwrap());
    for (n, socket) in [(1, &created.socket), (1, &other.socket)] {
        let head = format!("POST /s/{socket}?n={n}&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
        sender.write(head + "after").await.unwrap();
        assert_eq!(sender.answer(SOON).await.unwrap().unwrap().head.status(), 201);
    }
    let mut came = Vec::new();
    while !came.ends_with(b"after") {
        came.extend_from_slice(&receiver.chunk(SOON).await.unwrap().expect("the stream was dropped"));
    }
    let answer = parked.answer(SOON).await.unwrap().expect("the parked poll was dropped");
    assert_eq!(json(&answer)["messages"][0]["data"], "after");

    // A broken file changes nothing.
    std::fs::write(folder.path().join("chain.pem"), "nothing").unwrap();
    process.signal("HUP").await.unwrap();
    process.wait_for(SOON, |line| line.contains("the old certificate stays").then_some(())).await.unwrap();
    assert!(tls(port, &new, "http/1.1").await.is_ok());
    // And plain HTTP on a TLS port is cut off.
    let mut plain = Raw::connect(format!("127.0.0.1:{port}")).await.unwrap();
    plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(plain.ends(SOON).await);
}
