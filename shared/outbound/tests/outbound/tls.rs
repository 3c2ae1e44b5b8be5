//! `wss`: the name of the target is sent and verified, whatever address is dialled.

use polysocket_outbound::{DialError, Policy, SetupError, TargetsConfig, UpstreamStream};
use polysocket_protocol::Word;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::authority::{Asked, Authority};
use crate::support::dns::{NameServer, addresses};
use crate::support::{config, connect, dialer, soon};

async fn name_server() -> NameServer {
    let loopback = [addresses(&["127.0.0.1"])];
    NameServer::start(&[("good.example.", &loopback), ("wrong.example.", &loopback)]).await
}

fn trusting(dns: &NameServer, authority: &Authority) -> TargetsConfig {
    TargetsConfig { upstream_ca: Some(authority.file().to_owned()), ..config(dns, &["127.0.0.1:*"]) }
}

#[tokio::test]
async fn the_right_name_is_sent_and_verified() {
    let dns = name_server().await;
    let authority = Authority::new();
    let dialer = dialer(&trusting(&dns, &authority));
    // As SNI there is never a trailing dot (RFC 6066 section 3).
    for host in ["good.example", "GOOD.example."] {
        let (address, server) = authority.serve(&["good.example"]).await;
        let connection = connect(&dialer, &format!("wss://{host}:{}/", address.port())).await.unwrap();
        assert_eq!(connection.address, address);
        assert!(matches!(connection.stream, UpstreamStream::Tls(_)));
        let mut stream = connection.stream;
        stream.write_all(b"hello").await.unwrap();
        stream.flush().await.unwrap();
        let mut echo = [0; 5];
        soon(stream.read_exact(&mut echo)).await.unwrap();
        assert_eq!(&echo, b"hello");
        stream.shutdown().await.unwrap();
        let asked = Asked { server_name: Some("good.example".into()), protocol: Some("http/1.1".into()) };
        assert_eq!(soon(server).await.unwrap(), asked);
    }
}

#[tokio::test]
async fn an_address_is_verified_as_an_address() {
    let dns = name_server().await;
    let authority = Authority::new();
    let dialer = dialer(&trusting(&dns, &authority));

    let (address, server) = authority.serve(&["127.0.0.1"]).await;
    drop(connect(&dialer, &format!("wss://127.1:{}/", address.port())).await.unwrap());
    assert_eq!(soon(server).await.unwrap().server_name, None, "an address is not sent as SNI");

    let (address, _server) = authority.serve(&["good.example"]).await;
    let error = connect(&dialer, &format!("wss://{address}/")).await.unwrap_err();
    assert!(matches!(error, DialError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_name_is_refused() {
    let dns = name_server().await;
    let authority = Authority::new();
    let (address, server) = authority.serve(&["good.example", "127.0.0.1"]).await;
    let dialer = dialer(&trusting(&dns, &authority));
    let error = connect(&dialer, &format!("wss://wrong.example:{}/", address.port())).await.unwrap_err();
    assert!(matches!(error, DialError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("wrong.example"), "{error}");
    assert_eq!(error.word(), Word::UpstreamRefused);
    assert_eq!(soon(server).await.unwrap(), Asked::default(), "no byte was sent to it");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let dns = name_server().await;
    let (authority, other) = (Authority::new(), Authority::new());
    for config in [config(&dns, &["127.0.0.1:*"]), trusting(&dns, &other)] {
        let (address, _server) = authority.serve(&["good.example"]).await;
        let error =
            connect(&dialer(&config), &format!("wss://good.example:{}/", address.port())).await.unwrap_err();
        assert!(matches!(error, DialError::Tls { .. }), "{error}");
        assert!(error.to_string().contains("targets.upstream_ca"), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let dns = name_server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tcp
    });
    let dialer = dialer(&config(&dns, &["127.0.0.1:*"]));
    let error = connect(&dialer, &format!("wss://{address}/")).await.unwrap_err();
    assert!(error.to_string().contains("does it speak TLS"), "{error}");
    soon(server).await.unwrap();
}

#[tokio::test]
async fn files_without_authorities_are_refused_at_start() {
    let dns = name_server().await;
    let config = config(&dns, &[]);
    let directory = std::env::temp_dir();
    let empty = directory.join(format!("polysocket-empty-{}.pem", std::process::id()));
    std::fs::write(&empty, "no PEM here\n").unwrap();
    for path in [empty.clone(), directory.join("polysocket-no-such-file.pem")] {
        let config = TargetsConfig { upstream_ca: Some(path.clone()), ..config.clone() };
        let error = polysocket_outbound::Dialer::new(Policy::new(&config).unwrap(), &config).err().unwrap();
        assert!(matches!(error, SetupError::Authorities { .. }), "{error}");
        assert_eq!(error.key(), "targets.upstream_ca");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    std::fs::remove_file(empty).unwrap();
}
