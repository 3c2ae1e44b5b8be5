//! Every way we know to write or to name an address that is not public, each refused with no packet sent.

use polysocket_outbound::{Fault, Target, TargetsConfig};
use polysocket_protocol::Word;

use crate::support::dns::{Answer, NameServer, addresses};
use crate::support::trap::Trap;
use crate::support::{config, connect, dialer, target};

/// `PORT` stands for the port of the trap.
#[tokio::test]
async fn addresses_in_every_spelling() {
    let dns = NameServer::empty().await;
    let dialer = dialer(&config(&dns, &[]));
    let trap = Trap::set();
    let forms = [
        // Loopback: plain, short, decimal, hexadecimal, octal, mixed, trailing dot, other digits.
        "ws://127.0.0.1:PORT/",
        "ws://127.255.255.254:PORT/",
        "ws://127.1:PORT/",
        "ws://127.0.1:PORT/",
        "ws://2130706433:PORT/",
        "ws://0x7f000001:PORT/",
        "ws://0X7F.1:PORT/",
        "ws://0x7f.0.0.1:PORT/",
        "ws://017700000001:PORT/",
        "ws://0177.0.0.01:PORT/",
        "ws://0177.0x0.0.1:PORT/",
        "ws://127.0.0.1.:PORT/",
        "ws://127.1.:PORT/",
        "ws://１２７.0.0.1:PORT/",
        "ws://①②⑦.0.0.1:PORT/",
        "ws://127。0。0。1:PORT/",
        "ws://%31%32%37.0.0.1:PORT/",
        "ws:\\\\127.0.0.1:PORT\\",
        "ws:127.0.0.1:PORT",
        "\tws://127.0.0\n.1:PORT/ ",
        "wss://127.0.0.1:PORT/",
        // By its names.
        "ws://localhost:PORT/",
        "ws://LocalHost.:PORT/",
        "ws://foo.localhost:PORT/",
        "ws://a.b.localhost.:PORT/",
        "ws://%6c%6fcalhost:PORT/",
        "ws://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
        "wss://localhost:PORT/",
        // Unspecified: connects to this machine.
        "ws://0.0.0.0:PORT/",
        "ws://0:PORT/",
        "ws://0.1.2.3:PORT/",
        "ws://[::]:PORT/",
        // IPv6, and IPv4 in it: mapped, compatible, translated, NAT64, 6to4, Teredo.
        "ws://[::1]:PORT/",
        "ws://[0:0:0:0:0:0:0:1]:PORT/",
        "ws://[::ffff:127.0.0.1]:PORT/",
        "ws://[::ffff:7f00:1]:PORT/",
        "ws://[::ffff:0.0.0.0]:PORT/",
        "ws://[::127.0.0.1]:PORT/",
        "ws://[::ffff:0:127.0.0.1]:PORT/",
        "ws://[64:ff9b::127.0.0.1]:PORT/",
        "ws://[64:ff9b:1::127.0.0.1]:PORT/",
        "ws://[2002:7f00:1::]:PORT/",
        "ws://[2001:0:808:808::80ff:fffe]:PORT/",
        // Private, link-local and the rest.
        "ws://10.0.0.1:PORT/",
        "ws://172.16.0.1:PORT/",
        "ws://192.168.1.1:PORT/",
        "ws://169.254.169.254:PORT/latest/meta-data/",
        "ws://100.64.0.1:PORT/",
        "ws://192.0.0.192:PORT/",
        "ws://198.18.0.1:PORT/",
        "ws://192.88.99.1:PORT/",
        "ws://224.0.0.1:PORT/",
        "ws://240.0.0.1:PORT/",
        "ws://255.255.255.255:PORT/",
        "ws://168.63.129.16:PORT/",
        "ws://[fe80::1]:PORT/",
        "ws://[fec0::1]:PORT/",
        "ws://[fc00::1]:PORT/",
        "ws://[fd00:ec2::254]:PORT/",
        "ws://[ff02::1]:PORT/",
        "ws://[64:ff9b::169.254.169.254]:PORT/",
        "ws://[::ffff:169.254.169.254]:PORT/",
    ];
    for form in forms {
        let url = form.replace("PORT", &trap.port().to_string());
        let error = connect(&dialer, &url).await.unwrap_err();
        assert_eq!((error.word(), error.fault()), (Word::Forbidden, Fault::Client), "{form}: {error}");
    }
    trap.assert_untouched("an address that is not public");
    assert_eq!(dns.queries(), 0, "no name server is asked about addresses and localhost: {:?}", dns.names());
}

#[tokio::test]
async fn texts_that_are_no_targets() {
    let trap = Trap::set();
    let forms = [
        "ws://user@127.0.0.1:PORT/",
        "ws://user:password@127.0.0.1:PORT/",
        "ws://@127.0.0.1:PORT/",
        "ws://example.com@127.0.0.1:PORT/",
        "ws://example.com:80@127.0.0.1:PORT/",
        "ws://127.0.0.1:PORT/#",
        "ws://127.0.0.1:PORT/#fragment",
        "http://127.0.0.1:PORT/",
        "https://127.0.0.1:PORT/",
        "gopher://127.0.0.1:PORT/",
        "ws://127.0.0.1:0/",
        "ws://foo.0x7f000001:PORT/",
        "ws://foo.127:PORT/",
        "ws://1.2.3.4.5:PORT/",
        "ws://256.0.0.1:PORT/",
        "ws://[::1%lo]:PORT/",
        "ws://127.0.0.1\u{0}:PORT/",
        "//127.0.0.1:PORT/",
    ];
    for form in forms {
        let error = Target::parse(&form.replace("PORT", &trap.port().to_string())).unwrap_err();
        assert_eq!(error.word(), Word::BadTarget, "{form}");
    }
    trap.assert_untouched("a text that is no target");
}

#[tokio::test]
async fn names_that_lead_inside() {
    let answers: &[(&str, &[Answer])] = &[
        ("loopback.example.", &[addresses(&["127.0.0.1"])]),
        ("loopback6.example.", &[addresses(&["::1"])]),
        ("unspecified.example.", &[addresses(&["0.0.0.0"])]),
        ("mapped.example.", &[addresses(&["::ffff:127.0.0.1"])]),
        ("nat64.example.", &[addresses(&["64:ff9b::7f00:1"])]),
        ("metadata.example.", &[addresses(&["169.254.169.254"])]),
        ("private.example.", &[addresses(&["10.0.0.1"])]),
    ];
    let dns = NameServer::start(answers).await;
    let dialer = dialer(&config(&dns, &[]));
    let trap = Trap::set();
    for (name, _) in answers {
        let before = dns.queries();
        let error = connect(&dialer, &format!("ws://{name}:{}/", trap.port())).await.unwrap_err();
        assert_eq!(error.word(), Word::Forbidden, "{name}: {error}");
        assert_eq!(dns.queries() - before, 2, "{name}: one A and one AAAA");
    }
    trap.assert_untouched("a name that leads inside");
}

/// One bad address spoils the answer, wherever in it. With 127.0.0.2 and ::1 allowed in the role of public
/// addresses, so that a fault in the vetting would knock at the trap and not at somebody's door.
#[tokio::test]
async fn names_that_lead_inside_as_well() {
    let answers: &[(&str, &[Answer])] = &[
        ("mixed.example.", &[addresses(&["127.0.0.2", "127.0.0.1"])]),
        ("mixed-other-order.example.", &[addresses(&["127.0.0.1", "127.0.0.2"])]),
        ("mixed-families.example.", &[addresses(&["::1", "127.0.0.1"])]),
        ("mixed-families-too.example.", &[addresses(&["127.0.0.2", "::ffff:127.0.0.1"])]),
        (
            "beyond-those-dialled.example.",
            &[addresses(&[
                "127.0.0.2",
                "127.0.0.3",
                "127.0.0.4",
                "127.0.0.5",
                "127.0.0.6",
                "127.0.0.7",
                "127.0.0.8",
                "127.0.0.1",
            ])],
        ),
    ];
    let dns = NameServer::start(answers).await;
    let dialer = dialer(&config(&dns, &["[::1]:*", "127.0.0.2/31:*", "127.0.0.4/30:*", "127.0.0.8:*"]));
    let trap = Trap::set();
    for (name, _) in answers {
        let error = connect(&dialer, &format!("ws://{name}:{}/", trap.port())).await.unwrap_err();
        assert_eq!(error.word(), Word::Forbidden, "{name}: {error}");
    }
    trap.assert_untouched("a name with one address inside");
}

/// The same with addresses that are public, without dialling.
#[tokio::test]
async fn public_names_with_one_address_inside() {
    let answers: &[(&str, &[Answer])] = &[
        ("v4.example.", &[addresses(&["8.8.8.8", "10.0.0.1"])]),
        ("v4-first.example.", &[addresses(&["10.0.0.1", "8.8.8.8"])]),
        ("v6.example.", &[addresses(&["8.8.8.8", "fd00::1"])]),
        ("v4-beside-v6.example.", &[addresses(&["2001:4860:4860::8888", "169.254.169.254"])]),
    ];
    let dns = NameServer::start(answers).await;
    let dialer = dialer(&config(&dns, &[]));
    for (name, _) in answers {
        let error = dialer.vet(&target(&format!("ws://{name}/"))).await.unwrap_err();
        assert_eq!(error.word(), Word::Forbidden, "{name}: {error}");
    }
}

#[tokio::test]
async fn what_the_operator_denies() {
    let dns = NameServer::start(&[("name.example.", &[addresses(&["127.0.0.1"])])]).await;
    let trap = Trap::set();
    let port = trap.port();
    let allow_all = vec!["*:*".to_owned()];
    for deny in ["127.0.0.0/8".to_owned(), "name.example".to_owned(), format!("*:{port}")] {
        let config =
            TargetsConfig { allow_private: allow_all.clone(), deny: vec![deny.clone()], ..config(&dns, &[]) };
        let error = connect(&dialer(&config), &format!("ws://name.example:{port}/")).await.unwrap_err();
        assert_eq!(error.word(), Word::Forbidden, "{deny}: {error}");
        assert!(error.to_string().contains("targets.deny"), "{deny}: {error}");
    }
    let config = TargetsConfig {
        allow: vec!["other.example:*".into()],
        allow_private: allow_all,
        ..config(&dns, &[])
    };
    let error = connect(&dialer(&config), &format!("ws://name.example:{port}/")).await.unwrap_err();
    assert!(error.to_string().contains("targets.allow"), "{error}");
    trap.assert_untouched("a denied target");
}
