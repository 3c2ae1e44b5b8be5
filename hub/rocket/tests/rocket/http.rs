//! Paths, origins, TLS, and what is no handshake.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server};
use polysocket_tests::ports::TempDir;
use polysocket_tests::raw::Raw;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::bed::{Bed, Client, SOON};

/// Status, `location` and body of a GET that asks for no WebSocket.
async fn get(bed: &Bed, path: &str) -> (u16, Option<String>, String) {
    let mut raw = Raw::connect(&bed.address).await.unwrap();
    raw.write(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await.unwrap();
    let answer = raw.answer(SOON).await.unwrap().unwrap();
    let location = answer.head.header("location").map(ToString::to_string);
    (answer.head.status(), location, String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn paths() {
    let bed = Bed::start().await;
    for (path, status, location) in [
        ("/echo", 426, None),
        ("/%65cho", 426, None),
        ("/echo?x=1", 426, None),
        ("/echo/", 404, None),
        ("/Echo", 404, None),
        ("/", 404, None),
        ("/other/", 426, None),
        ("/other/a/b", 426, None),
        ("/other", 301, Some("/other/")),
        ("//echo", 301, Some("/echo")),
        ("/x/../echo?y=2", 301, Some("/echo?y=2")),
        ("/other/./%C3%BC", 301, Some("/other/%C3%BC")),
        ("/%ff", 404, None),
    ] {
        let (found, place, _) = get(&bed, path).await;
        assert_eq!((found, place.as_deref()), (status, location), "{path}");
    }
    let (_, _, body) = get(&bed, "/echo").await;
    assert_eq!(body, "this is the address of a WebSocket\n");
    for path in ["/", "/echo/", "/nothing"] {
        let url = format!("ws://{}{path}", bed.address);
        assert_eq!(Client::try_connect(&url, None).await.err(), Some(404), "{path}");
    }
    bed.client_at("/other/any/thing").await.login("backend", "other").await;
}

#[tokio::test]
async fn origins() {
    let bed = Bed::with(|setup| {
        setup.rocket.origins = vec!["https://app.example.com".into()];
        setup.rocket.hubs[1].origins = vec!["https://*.example.com".into(), "null".into()];
    })
    .await;
    for (path, origin, let_in) in [
        ("/echo", Some("https://app.example.com"), true),
        ("/echo", Some("https://APP.example.com:443"), true),
        ("/echo", None, true),
        ("/echo", Some("https://example.com"), false),
        ("/echo", Some("http://app.example.com"), false),
        ("/echo", Some("https://app.example.com.evil.net"), false),
        ("/echo", Some("null"), false),
        ("/echo", Some("rubbish"), false),
        ("/other/", Some("https://b.example.com"), true),
        ("/other/", Some("null"), true),
        ("/other/", Some("https://app.example.org"), false),
    ] {
        let found = Client::try_connect(&format!("ws://{}{path}", bed.address), origin).await;
        assert_eq!(found.err(), (!let_in).then_some(403), "{path} {origin:?}");
    }
    assert!((bed.metric("polysocket_rocket_wrong_origin_total") - 6.0).abs() < 0.1);
}

#[tokio::test]
async fn tls() {
    let folder = TempDir::new().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let bed = Bed::with(|setup| {
        setup.rocket.listen.clear();
        setup.rocket.tls_listen = vec!["localhost:0".into()];
        setup.rocket.tls_certificate = Some(chain);
        setup.rocket.tls_private = Some(key);
    })
    .await;
    let mut roots = tokio_rustls::rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config =
        tokio_rustls::rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(&bed.address).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/echo", stream).await.unwrap();
    socket.send(Message::text(r#"{"authenticate":{"user":"backend","secret":"secret"}}"#)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(answer, Message::text(r#"{"authenticated":"backend"}"#));
}

#[tokio::test]
async fn a_hub_s_own_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("echo.log");
    std::fs::write(&path, "what was there\n").unwrap();
    let log = path.clone();
    let bed = Bed::with(|setup| setup.rocket.hubs[0].log = Some(log)).await;
    let mut client = bed.client().await;
    client
        .says(r#"{"authenticate":{"user":"backend","secret":"hunter2"}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#)
        .await;
    client.login("backend", "secret").await;
    client.send(r#"{"disconnect":true}"#).await;
    client.closed().await;
    drop(client);
    bed.metric_becomes("polysocket_socket_connections", 0.0).await;
    let lines = std::fs::read_to_string(&path).unwrap();
    let said: Vec<&str> =
        lines.lines().map(|line| line.split_once(" /echo #").map_or(line, |(_, said)| said)).collect();
    let id = said[1].split(' ').next().unwrap();
    let expected =
        ["connected", "a login was refused", "logged in as `backend`", "gone: protocol, code 1000"];
    assert_eq!(said[0], "what was there");
    assert_eq!(said[1..], expected.map(|what| format!("{id} {what}")));
}

/// As a part of a larger server.
#[tokio::test]
async fn as_routes_among_others() {
    let bed = Bed::start().await;
    let routes = axum::Router::new()
        .route("/about", axum::routing::get(|| async { "something else" }))
        .fallback_service(bed.rocket.routes());
    let bound = polysocket_service::http::bind("127.0.0.1:0", None).unwrap();
    let address = bound.address().unwrap();
    let metrics = HttpMetrics::new(&prometheus::Registry::new());
    Server::new(Routes::new(routes), HttpConfig::default(), bed.life.clone(), metrics).serve(bound);
    let mut client = Client::connect(&format!("ws://{address}/echo")).await;
    client.login("backend", "secret").await;
    client.subscribe("c").await;
    // The same hub as by its own listener.
    bed.backend().await.broadcast("c", 1).await;
    client.hears(r#"{"channel":"c","data":1,"event":"e"}"#).await;
    assert_eq!(Client::try_connect(&format!("ws://{address}/about"), None).await.err(), Some(200));
    assert_eq!(Client::try_connect(&format!("ws://{address}/nothing"), None).await.err(), Some(404));
}
