//! hyper-util's pooled client over the dialer: the policy holds for it, and what fails is found among the causes.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use polysocket_outbound::{Connector, DialError, Dialer, Refused};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::authority::Authority;
use crate::support::dns::{NameServer, addresses};
use crate::support::{config, dialer, soon};

type Pool = Client<Connector, Empty<Bytes>>;

fn pool(dialer: Dialer) -> Pool {
    Client::builder(TokioExecutor::new()).build(Connector::new(Arc::new(dialer)))
}

fn get(url: &str) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

async fn answer_one(connection: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"GET /path?query HTTP/1.1\r\n"), "{head:?}");
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
}

#[tokio::test]
async fn a_connection_is_vetted_and_used_again() {
    let dns = NameServer::start(&[("api.example.", &[addresses(&["127.0.0.1"])])]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pool = pool(dialer(&config(&dns, &[&format!("http://api.example:{port}")])));
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            answer_one(&mut connection).await;
        }
    });
    for _ in 0..2 {
        let url = format!("http://api.example:{port}/path?query");
        let response = soon(pool.request(get(&url))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(soon(response.into_body().collect()).await.unwrap().to_bytes(), "hi");
    }
    soon(server).await.unwrap();
}

#[tokio::test]
async fn https_is_tls_under_the_name_of_the_url() {
    let dns = NameServer::start(&[("api.example.", &[addresses(&["127.0.0.1"])])]).await;
    let authority = Authority::new();
    let (address, server) = authority.serve(&["api.example"]).await;
    let mut config = config(&dns, &["127.0.0.1:*"]);
    config.upstream_ca = Some(authority.file().to_owned());
    let url = format!("https://api.example:{}/", address.port());
    // It echoes, which is no answer: the request has come through TLS.
    let error = soon(pool(dialer(&config)).request(get(&url))).await.unwrap_err();
    assert!(DialError::among(&error).is_err(), "{error:?}");
    let asked = soon(server).await.unwrap();
    assert_eq!(
        (asked.server_name.as_deref(), asked.protocol),
        (Some("api.example"), Some("http/1.1".to_owned()))
    );
}

#[tokio::test]
async fn what_went_wrong_is_among_the_causes() {
    let dns = NameServer::start(&[("inside.example.", &[addresses(&["10.0.0.1"])])]).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let pool = pool(dialer(&config(&dns, &["127.0.0.1:*"])));
    for refused in ["http://inside.example/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/"] {
        let error = soon(pool.request(get(refused))).await.unwrap_err();
        let found = DialError::among(&error);
        assert!(matches!(found, Ok(DialError::Refused(Refused::Address { .. }))), "{refused}: {found:?}");
    }
    let error = soon(pool.request(get(&format!("http://{closed}/")))).await.unwrap_err();
    assert!(matches!(DialError::among(&error), Ok(DialError::ConnectionRefused { .. })), "{error:?}");
    // What is no target is none of the dialer's errors; the last cause says why.
    let error = soon(pool.request(get("http://user@127.0.0.1/"))).await.unwrap_err();
    let last = DialError::among(&error).unwrap_err();
    assert!(last.source().is_none() && last.to_string() != error.to_string(), "{last}");
}
