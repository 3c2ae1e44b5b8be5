//! The driver's part that needs no other end.
#![allow(clippy::unwrap_used)]
use polysocket_outbound::UpstreamStream;
use polysocket_service::metrics::Registry;
use polysocket_session::Limits;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::sessions::cell::tests::open;

#[tokio::test]
async fn a_pause_that_is_over_sets_no_timer_while_the_upstream_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = WebSocketStream::from_raw_socket(UpstreamStream::Plain(stream), Role::Client, None).await;
    let cell = open(Limits { outbox_bytes_max: 1, ..Limits::default() }, None);
    cell.with(|session, now| session.upstream_message(now, true, "fills it".into()));
    assert!(!cell.with(|session, _| session.wants_upstream()));
    let mut upstream = Upstream::new(socket);
    upstream.paused_until = Some(cell.now());
    let metrics = RelayMetrics::new(&Registry::new());
    assert!(
        upstream.poll_pump(&mut Context::from_waker(std::task::Waker::noop()), &cell, &metrics).is_pending()
    );
    assert_eq!(upstream.paused_until, None);
}
