//! Conversations with tungstenite's client, over TCP and over TLS.

use futures_util::{SinkExt, StreamExt};
use polysocket_socket::Cause;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::{WebSocketStream, client_async, connect_async};

use crate::support::Hub;
use crate::support::raw::{self, Raw};
use crate::support::tls::Authority;

/// All there is to say, and a clean end.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>, hub: &mut Hub) {
    let long = "ü€😀".repeat(60_000);
    for message in [
        Message::text("hello"),
        Message::text(""),
        Message::binary(vec![]),
        Message::binary(vec![0xff; 125]),
        Message::binary(vec![1; 126]),
        Message::text(long.clone()),
        Message::binary(vec![2; 1 << 20]),
    ] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    // In fragments that cut characters, with a ping between.
    let (first, rest) = long.as_bytes().split_at(100_001);
    let fragment =
        |payload: &[u8], data, fin| Message::Frame(Frame::message(payload.to_vec(), OpCode::Data(data), fin));
    socket.send(fragment(first, Data::Text, false)).await.unwrap();
    socket.send(Message::Ping("p".into())).await.unwrap();
    socket.send(fragment(rest, Data::Continue, true)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("p".into()));
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(long));
    // Many at once are answered in order.
    for i in 0..1000 {
        socket.feed(Message::text(i.to_string())).await.unwrap();
    }
    socket.flush().await.unwrap();
    for i in 0..1000 {
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(i.to_string()));
    }
    let close = CloseFrame { code: CloseCode::Library(4321), reason: "thank you".into() };
    socket.close(Some(close.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(Some(close)));
    assert!(socket.next().await.is_none());
    let how = hub.closed().await;
    assert_eq!(
        (how.cause, how.code, how.reason.as_str(), how.clean),
        (Cause::Client, 4321, "thank you", true)
    );
}

#[tokio::test]
async fn by_tcp() {
    let mut hub = Hub::start(|_| ());
    let (socket, _) = connect_async(hub.url()).await.unwrap();
    talk(socket, &mut hub).await;
    assert_eq!(hub.metric("polysocket_socket_opened_total"), 1);
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"client\"}"), 1);
    // 1,008 messages, a ping, a close; their echoes and a pong.
    assert_eq!(hub.metric("polysocket_socket_frames_received_total"), 1010);
    assert_eq!(hub.metric("polysocket_socket_frames_sent_total"), 1009);
    assert_eq!(hub.metric("polysocket_socket_queued_bytes"), 0);
    hub.metric_is("polysocket_socket_connections", 0).await;
}

#[tokio::test]
async fn by_tls() {
    let authority = Authority::new("talk");
    let mut hub = Hub::start_with(Some(authority.certificate.clone()), |_| ());
    let stream = authority.connect(hub.address).await;
    let (socket, _) = client_async(format!("wss://localhost:{}/", hub.address.port()), stream).await.unwrap();
    talk(socket, &mut hub).await;
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"client\"}"), 1);
    assert_eq!(hub.metric("polysocket_socket_queued_bytes"), 0);
}

/// What hyper has read together with the handshake is not lost, nor put in the wrong order.
#[tokio::test]
async fn frames_behind_the_handshake() {
    let hub = Hub::start(|_| ());
    let stream = tokio::net::TcpStream::connect(hub.address).await.unwrap();
    let long = "x".repeat(100_000);
    let behind = [raw::text("first"), raw::text(&long), raw::text("last")].concat();
    let mut client = Raw::open(stream, &behind).await;
    for expected in ["first", &long, "last"] {
        assert_eq!(client.frame().await, Some((0x81, expected.as_bytes().to_vec())));
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_so() {
    let hub = Hub::start(|_| ());
    let mut client = Raw(tokio::net::TcpStream::connect(hub.address).await.unwrap());
    client.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
    assert_eq!(hub.sockets.open(), 0);
}

#[tokio::test]
async fn no_more_than_there_may_be() {
    let mut hub = Hub::start(|limits| limits.connections_max = 2);
    let one = Raw::connect(hub.address).await;
    let _two = Raw::connect(hub.address).await;
    let refused = connect_async(hub.url()).await.unwrap_err().to_string();
    assert!(refused.contains("503"), "{refused}");
    assert_eq!(hub.metric("polysocket_socket_refused_total"), 1);
    // A place that is given back can be had.
    drop(one);
    hub.closed().await;
    hub.metric_is("polysocket_socket_connections", 1).await;
    while connect_async(hub.url()).await.is_err() {
        tokio::task::yield_now().await;
    }
}
