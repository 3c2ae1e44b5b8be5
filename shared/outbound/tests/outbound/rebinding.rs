//! Names whose answer changes between the check and the use.

use std::net::SocketAddr;

use polysocket_protocol::Word;

use crate::support::dns::{NameServer, addresses};
use crate::support::trap::Trap;
use crate::support::{at_one_port, config, connect, dialer, soon, target, tokio_listener};

/// The classic: public for the check, private for the connection. The addresses that `vet` gives are all that
/// is ever dialled, and a later look at the name is vetted anew.
#[tokio::test]
async fn a_second_answer_is_never_used_unvetted() {
    let answers = [addresses(&["8.8.8.8"]), addresses(&["127.0.0.1"])];
    let dns = NameServer::start(&[("rebind.example.", &answers)]).await;
    let dialer = dialer(&config(&dns, &[]));
    let trap = Trap::set();
    let target = target(&format!("ws://rebind.example:{}/", trap.port()));

    let vetted = dialer.vet(&target).await.unwrap();
    assert_eq!(vetted.addresses(), [SocketAddr::new("8.8.8.8".parse().unwrap(), trap.port())]);
    assert_eq!(dns.queries(), 2, "one A and one AAAA");

    let error = dialer.connect(&target).await.unwrap_err();
    assert_eq!(error.word(), Word::Forbidden, "{error}");
    assert_eq!(dns.queries(), 4);
    trap.assert_untouched("the second answer");
}

/// The same through `connect`, with 127.0.0.2 allowed in the role of the public address.
#[tokio::test]
async fn a_dial_asks_once_and_goes_where_it_was_told() {
    let (listener, trap) = at_one_port("127.0.0.2", |port| Trap::at(([127, 0, 0, 3], port)));
    let listener = tokio_listener(listener);
    let address = listener.local_addr().unwrap();
    let answers = [addresses(&["127.0.0.2"]), addresses(&["127.0.0.3"])];
    let dns = NameServer::start(&[("rebind.example.", &answers)]).await;
    let dialer = dialer(&config(&dns, &["127.0.0.2:*"]));
    let url = format!("ws://rebind.example:{}/", address.port());

    let connection = connect(&dialer, &url).await.unwrap();
    assert_eq!(connection.address, address);
    let (_, from) = soon(listener.accept()).await.unwrap();
    assert_eq!(connection.stream.tcp().local_addr().unwrap(), from);
    assert_eq!(dns.queries(), 2, "one A and one AAAA, none for the connection itself");

    let error = connect(&dialer, &url).await.unwrap_err();
    assert_eq!(error.word(), Word::Forbidden, "{error}");
    assert_eq!(dns.queries(), 4);
    trap.assert_untouched("the second answer");
}

/// Only AAAA changes, and only A is refused the first time: each answer is judged as a whole.
#[tokio::test]
async fn either_family_can_spoil_an_answer() {
    let answers = [
        addresses(&["8.8.8.8", "fd00::1"]),
        addresses(&["10.0.0.1", "2001:4860::1"]),
        addresses(&["8.8.8.8"]),
    ];
    let dns = NameServer::start(&[("rebind.example.", &answers)]).await;
    let dialer = dialer(&config(&dns, &[]));
    let target = target("ws://rebind.example/");
    assert_eq!(dialer.vet(&target).await.unwrap_err().word(), Word::Forbidden);
    assert_eq!(dialer.vet(&target).await.unwrap_err().word(), Word::Forbidden);
    assert!(dialer.vet(&target).await.is_ok());
}
