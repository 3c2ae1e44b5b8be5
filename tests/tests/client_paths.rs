//! What every router and relay serves to clients besides sockets: the script, and the probe of the network.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Duration;

use polysocket_tests::cluster::TestCluster;
use polysocket_tests::raw::Raw;
use polysocket_tests::websocket::{Frame, client_headers, is_accepted, opcode, send};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

async fn each_daemon() -> (TestCluster, Vec<SocketAddr>) {
    let cluster = TestCluster::redis(1, 1).await.unwrap();
    let addresses = vec![cluster.routers[0].address(), cluster.relays[0].program.address()];
    (cluster, addresses)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_told_one_message_and_a_close() {
    let (_cluster, addresses) = each_daemon().await;
    for address in addresses {
        let (headers, key) = client_headers("");
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "GET /probe HTTP/1.1\r\nhost: {address}\r\norigin: https://any.example\r\n{}\r\n",
            lines.concat()
        );
        let mut raw: Raw<TcpStream> = Raw::connect(address).await.unwrap();
        raw.write(request).await.unwrap();
        let head = raw.head(SOON).await.unwrap().unwrap();
        assert!(is_accepted(&head, &key), "{address}: {head:?}");
        let (mut frames, mut writer) = raw.upgraded();
        let mut next = async || timeout(SOON, frames.next()).await.unwrap().unwrap();
        assert_eq!(next().await.unwrap(), Frame::new(opcode::TEXT, "1"));
        assert_eq!(next().await.unwrap().close_code(), (Some(1000), String::new()));
        send(&mut writer, &Frame::close(Some(1000), "").masked()).await.unwrap();
        assert_eq!(next().await, None, "the server ends the connection");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_handshake_is_told_so() {
    let (_cluster, addresses) = each_daemon().await;
    for address in addresses {
        let mut raw: Raw<TcpStream> = Raw::connect(address).await.unwrap();
        raw.write(format!("GET /probe HTTP/1.1\r\nhost: {address}\r\n\r\n")).await.unwrap();
        let answer = raw.answer(SOON).await.unwrap().unwrap();
        assert_eq!(answer.head.status(), 426);
        assert_eq!(answer.head.header("upgrade"), Some("websocket"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_is_the_one_that_was_built() {
    let (_cluster, addresses) = each_daemon().await;
    let built = include_bytes!("../../js-client/dist/polysocket.js");
    for address in addresses {
        let mut raw: Raw<TcpStream> = Raw::connect(address).await.unwrap();
        let ask = format!("GET /polysocket.js HTTP/1.1\r\nhost: {address}\r\n");
        raw.write(format!("{ask}\r\n")).await.unwrap();
        let answer = raw.answer(SOON).await.unwrap().unwrap();
        assert_eq!(answer.head.status(), 200);
        assert_eq!(answer.head.header("access-control-allow-origin"), Some("*"));
        assert!(answer.body == built[..], "other bytes than in dist/");
        let tag = answer.head.header("etag").unwrap();
        raw.write(format!("{ask}if-none-match: {tag}\r\n\r\n")).await.unwrap();
        assert_eq!(raw.answer(SOON).await.unwrap().unwrap().head.status(), 304);
    }
}
