//! What may be dialled is, and what goes wrong then is told apart.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use polysocket_config::Span;
use polysocket_outbound::{DialError, Dialer, Fault, Phase, Policy, Target, TargetsConfig};
use polysocket_protocol::Word;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::support::dns::{Answer, NameServer, addresses};
use crate::support::trap::Trap;
use crate::support::{at_one_port, config, connect, dialer, soon, target};

#[tokio::test]
async fn private_targets_by_name_address_and_network() {
    let dns = NameServer::start(&[
        ("db.corp.example.", &[addresses(&["127.0.0.1"])]),
        ("other.example.", &[addresses(&["127.0.0.1"])]),
    ])
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port();
    // What is allowed, and which of three targets that makes reachable.
    let table = [
        (format!("*.corp.example:{port}"), [true, false, false]),
        (format!("ws://db.corp.example:{port}"), [true, false, false]),
        (format!("127.0.0.0/8:{port}"), [true, true, true]),
        (format!("127.0.0.1:{port}"), [true, true, true]),
        ("127.0.0.0/8".to_owned(), [false, false, false]),
        ("*:*".to_owned(), [true, true, true]),
    ];
    for (pattern, reachable) in table {
        let dialer = dialer(&config(&dns, &[&pattern]));
        for (host, reachable) in ["db.corp.example", "other.example", "127.1"].into_iter().zip(reachable) {
            let result = connect(&dialer, &format!("ws://{host}:{port}/")).await;
            assert_eq!(result.is_ok(), reachable, "{pattern} and {host}: {result:?}");
            if let Ok(connection) = result {
                let (_, from) = soon(listener.accept()).await.unwrap();
                assert_eq!(connection.address, address);
                assert_eq!(connection.stream.tcp().local_addr().unwrap(), from);
            }
        }
    }
}

#[tokio::test]
async fn bytes_go_both_ways() {
    let dns = NameServer::empty().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = dialer(&config(&dns, &["127.0.0.1:*"]));
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let mut stream = connect(&dialer, &url).await.unwrap().stream;
    assert!(stream.tcp().nodelay().unwrap());
    let socket = SockRef::from(stream.tcp());
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));

    let (mut server, _) = soon(listener.accept()).await.unwrap();
    stream.write_all(b"up").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut up = Vec::new();
    soon(server.read_to_end(&mut up)).await.unwrap();
    server.write_all(b"down").await.unwrap();
    drop(server);
    let mut down = Vec::new();
    soon(stream.read_to_end(&mut down)).await.unwrap();
    assert_eq!((&up[..], &down[..]), (&b"up"[..], &b"down"[..]));
}

/// `localhost` is this machine and never a question to a name server, and IPv6 is tried where IPv4 refuses.
#[tokio::test]
async fn development_reaches_the_own_machine() {
    let dns = NameServer::start(&[("localhost.", &[addresses(&["127.0.0.9"])])]).await;
    let config = config(&dns, &[]);
    let dialer = Dialer::new(Policy::new(&config).unwrap().allow_loopback(), &config).unwrap();
    for bound in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(bound).await.unwrap();
        let address = listener.local_addr().unwrap();
        for host in ["localhost", "app.localhost.", "LOCALHOST"] {
            let connection = connect(&dialer, &format!("ws://{host}:{}/", address.port())).await.unwrap();
            assert_eq!(connection.address, address, "{host}");
        }
    }
    assert_eq!(dns.queries(), 0);
    assert!(matches!(connect(&dialer, "ws://192.168.0.1:9/").await, Err(DialError::Refused(_))));
}

#[tokio::test]
async fn hooks_are_dialled_by_the_same_rules() {
    let dns = NameServer::empty().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let hook = Target::parse_http(&url).unwrap();
    assert!(matches!(dialer(&config(&dns, &[])).connect(&hook).await, Err(DialError::Refused(_))));
    assert!(
        dialer(&config(&dns, &["ws://127.0.0.1:*"])).connect(&hook).await.is_err(),
        "that is for ws: only"
    );
    assert!(dialer(&config(&dns, &["http://127.0.0.1:*"])).connect(&hook).await.is_ok());
}

#[tokio::test]
async fn an_address_that_refuses_is_followed_by_the_next() {
    let listener = TcpListener::bind("127.0.0.3:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let dns =
        NameServer::start(&[("many.example.", &[addresses(&["127.0.0.2", "127.0.0.3", "127.0.0.4"])])]).await;
    let dialer = dialer(&config(&dns, &["127.0.0.0/8:*"]));
    let connection = connect(&dialer, &format!("ws://many.example:{}/", address.port())).await.unwrap();
    assert_eq!(connection.address, address);
}

/// A listener whose queue is full: Linux drops further SYNs, so that connecting hangs.
struct BlackHole {
    address: SocketAddr,
    _socket: Socket,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    fn bind(address: impl Into<SocketAddr>) -> io::Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&address.into().into())?;
        socket.listen(0)?;
        Ok(socket)
    }

    async fn fill(socket: Socket) -> Self {
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
            assert!(queued.len() < 8, "the queue never fills");
        }
        Self { address, _socket: socket, _queued: queued }
    }
}

#[tokio::test]
async fn an_address_that_is_silent_gets_company() {
    let (listener, hole) = at_one_port("127.0.0.3", |port| BlackHole::bind(([127, 0, 0, 2], port)));
    let address = listener.local_addr().unwrap();
    let hole = BlackHole::fill(hole).await;
    let dns = NameServer::start(&[("slow.example.", &[addresses(&["127.0.0.2", "127.0.0.3"])])]).await;
    let dialer = dialer(&config(&dns, &["127.0.0.0/8:*"]));
    let target = target(&format!("ws://slow.example:{}/", address.port()));
    assert_eq!(dialer.vet(&target).await.unwrap().addresses(), [hole.address, address]);

    let start = Instant::now();
    assert_eq!(dialer.connect(&target).await.unwrap().address, address);
    let elapsed = start.elapsed();
    assert!((Duration::from_millis(240)..Duration::from_secs(2)).contains(&elapsed), "{elapsed:?}");
}

/// Each error with the word for the client and the one whose fault it is.
#[tokio::test]
async fn failures_are_told_apart() {
    let free = Trap::at(([127, 0, 0, 1], 0)).unwrap().port();
    let hole = BlackHole::fill(BlackHole::bind(([127, 0, 0, 2], 0)).unwrap()).await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dns = NameServer::start(&[
        ("no-address.example.", &[addresses(&[])]),
        ("fails.example.", &[Answer::Fails]),
        ("silent.example.", &[Answer::Silent]),
    ])
    .await;
    let config = TargetsConfig {
        resolve_timeout: Span::millis(200),
        connect_timeout: Span::millis(400),
        ..config(&dns, &["127.0.0.0/8:*"])
    };
    let dialer = dialer(&config);
    let dial = async |url: &str| connect(&dialer, url).await.unwrap_err();

    let error = dial("ws://no-name.example/").await;
    assert!(matches!(error, DialError::NameNotFound { .. }), "{error}");
    assert_eq!((error.word(), error.fault()), (Word::BadTarget, Fault::Client));

    let error = dial("ws://no-address.example/").await;
    assert!(matches!(error, DialError::NameNotFound { .. }), "{error}");

    let error = dial("ws://fails.example/").await;
    assert!(matches!(error, DialError::ResolverFailed { .. }), "{error}");
    assert_eq!((error.word(), error.fault()), (Word::UpstreamRefused, Fault::Upstream));

    let error = dial("ws://silent.example/").await;
    assert!(matches!(error, DialError::TimedOut { phase: Phase::Resolve, .. }), "{error}");
    assert_eq!(error.word(), Word::Timeout);

    let error = dial(&format!("ws://127.0.0.1:{free}/")).await;
    assert!(matches!(error, DialError::ConnectionRefused { .. }), "{error}");
    assert_eq!((error.word(), error.fault()), (Word::UpstreamRefused, Fault::Upstream));

    let start = Instant::now();
    let error = dial(&format!("ws://{}/", hole.address)).await;
    assert!(matches!(error, DialError::TimedOut { phase: Phase::Connect, .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));

    let error = dial(&format!("wss://{}/", mute.local_addr().unwrap())).await;
    assert!(matches!(error, DialError::TimedOut { phase: Phase::Tls, .. }), "{error}");
}

/// Answers are kept for as long as the name server says, and no longer than `targets.ttl_max`.
#[tokio::test]
async fn answers_are_not_kept_beyond_their_time() {
    let both = vec!["8.8.8.8".parse().unwrap(), "2001:4860:4860::8888".parse().unwrap()];
    let dns = NameServer::start(&[
        ("lasting.example.", &[Answer::Lasting(both.clone())]),
        ("fleeting.example.", &[Answer::Addresses(both)]),
    ])
    .await;
    let keeps = config(&dns, &[]);
    let forgets = TargetsConfig { ttl_max: Span::seconds(0), ..keeps.clone() };
    // Queries of three lookups: A and AAAA once, or each time.
    for (name, config, queries) in
        [("lasting", &keeps, 2), ("lasting", &forgets, 6), ("fleeting", &keeps, 6), ("fleeting", &forgets, 6)]
    {
        let dialer = dialer(config);
        let before = dns.queries();
        for _ in 0..3 {
            dialer.vet(&target(&format!("ws://{name}.example/"))).await.unwrap();
        }
        assert_eq!(dns.queries() - before, queries, "{name}, kept for at most {}", config.ttl_max);
    }
    assert_eq!(dns.names(), ["lasting.example.", "fleeting.example."], "no search domains");
}
