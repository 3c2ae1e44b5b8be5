//! What patterns mean, and what is said about those that mean nothing.

#![allow(clippy::unwrap_used)]
use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use proptest::prelude::*;

fn pattern(text: &str) -> TargetPattern {
    text.parse().unwrap()
}

fn target(text: &str) -> Target {
    Target::parse(text).or_else(|_| Target::parse_http(text)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A pattern, what it matches, and what it does not.
#[test]
fn what_patterns_mean() {
    let table: [(&str, &[&str], &[&str]); 22] = [
        (
            "example.com",
            &["ws://example.com/", "wss://EXAMPLE.com/x?y", "ws://example.com./", "https://example.com/"],
            &[
                "ws://example.com:81/",
                "ws://example.com:443/",
                "wss://example.com:80/",
                "ws://a.example.com/",
            ],
        ),
        ("Example.COM.", &["ws://example.com/", "ws://example.com./"], &["ws://example.co/"]),
        ("例え.jp", &["ws://xn--r8jz45g.jp/", "ws://例え.jp/"], &["ws://jp/"]),
        (
            "*.example.com:*",
            &["ws://a.example.com/", "wss://a.b.example.com:99/", "ws://A.EXAMPLE.com.:81"],
            &["ws://example.com/", "ws://notexample.com/", "ws://example.com.evil.test/", "ws://127.0.0.1/"],
        ),
        ("wss://example.com", &["wss://example.com/"], &["ws://example.com/", "https://example.com/"]),
        ("WS://example.com", &["ws://example.com/"], &["wss://example.com/", "wss://example.com:80/"]),
        ("https://example.com", &["https://example.com/"], &["wss://example.com/"]),
        ("*", &["ws://example.com/", "wss://127.0.0.1/", "ws://[::1]/"], &["ws://example.com:81/"]),
        ("*:*", &["ws://example.com:81/", "wss://127.0.0.1:9/"], &[]),
        ("*:25", &["ws://example.com:25/"], &["ws://example.com/"]),
        ("wss://*:*", &["wss://example.com:81/"], &["ws://example.com:81/"]),
        (
            "example.com/chat",
            &[
                "ws://example.com/chat",
                "ws://example.com/chat?x",
                "ws://example.com/chat/x",
                "ws://example.com/chat/",
            ],
            &[
                "ws://example.com/",
                "ws://example.com/chatter",
                "ws://example.com/Chat",
                "ws://example.com/x/chat",
            ],
        ),
        (
            "example.com/chat/",
            &["ws://example.com/chat/x", "ws://example.com/chat/"],
            &["ws://example.com/chat", "ws://example.com/chatter"],
        ),
        (
            "example.com/chat/",
            &["ws://example.com/chat/a.b", "ws://example.com/chat/x;v=1?to=../up"],
            &[
                "ws://example.com/chat/../admin",
                "ws://example.com/chat/%2e%2e/admin",
                "ws://example.com/chat/..%2fadmin",
                "ws://example.com/chat/%2E%2E%2Fadmin",
                "ws://example.com/chat/..%5Cadmin",
                "ws://example.com/chat/..;/admin",
                "ws://example.com/chat\\..\\admin",
            ],
        ),
        ("example.com:81/a:b:c", &["ws://example.com:81/a:b:c"], &["ws://example.com:81/a:b"]),
        ("example.com/a/../chat", &["ws://example.com/chat"], &["ws://example.com/a"]),
        ("example.com/", &["ws://example.com/x"], &["ws://example.com:81/"]),
        ("10.0.0.1", &["ws://10.0.0.1/", "ws://10.1/", "ws://[::ffff:10.0.0.1]/"], &["ws://10.0.0.2/"]),
        (
            "10.0.0.0/8:*",
            &["ws://10.255.0.1:81/", "ws://0xa.1.2.3/", "ws://[::ffff:a00:1]/"],
            &["ws://11.0.0.0/", "ws://ten.example/", "ws://[64:ff9b::10.0.0.1]/"],
        ),
        ("10.0.0.0/8:81/x", &["ws://10.9.9.9:81/x/y"], &["ws://10.9.9.9/x", "ws://10.9.9.9:81/y"]),
        ("[fd00::]/8:8080", &["ws://[fd12::1]:8080/"], &["ws://[fc00::1]:8080/", "ws://[fd12::1]/"]),
        ("[::1]:81/8", &["ws://[::1]:81/8", "ws://[0:0::1]:81/8/x"], &["ws://[::1]:81/9"]),
    ];
    for (text, matching, others) in table {
        for url in matching {
            assert!(pattern(text).matches(&target(url)), "{text} should match {url}");
        }
        for url in others {
            assert!(!pattern(text).matches(&target(url)), "{text} should not match {url}");
        }
    }
}

#[test]
fn errors_say_what_to_write() {
    let table = [
        ("", "the host is missing"),
        ("ws://", "the host is missing"),
        (":80", "the host is missing"),
        ("ftp://example.com", "the scheme is ws"),
        ("ws://user@example.com", "no user"),
        ("example.com?x", "no user, query or fragment"),
        ("example .com", "white space"),
        ("exam*ple.com", "a * stands for"),
        ("*example.com", "a * stands for"),
        ("*.*.com", "a * stands for"),
        ("*.", "the host is missing"),
        ("*.10.0.0.1", "neither a name nor an address"),
        ("foo.1", "neither a name nor an address"),
        ("127.1", "write the address as 127.0.0.1"),
        ("0x7f000001:80", "write the address as 127.0.0.1"),
        ("a..b", "neither a name nor an address"),
        ("example.com:0", "the port is a number"),
        ("example.com:", "the port is a number"),
        ("example.com:+80", "the port is a number"),
        ("example.com:65536", "the port is a number"),
        ("example.com/chat/*", "leave out the *"),
        ("example.com/%2e%2e%2f", "escaped dot or slash"),
        ("fd00::/8", "in brackets"),
        ("::1", "in brackets"),
        ("[fd00::", "`]`"),
        ("[example.com]", "no IPv6 address"),
        ("[::1]x", "neither a port nor a path"),
        ("10.0.0.0/33", "more than its address has bits"),
        ("10.1.2.3/8", "write the network as 10.0.0.0/8"),
        ("[fd00::1]/8", "write the network as fd00::/8"),
    ];
    for (text, problem) in table {
        let error = text.parse::<TargetPattern>().unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    assert!("a".repeat(2000).parse::<TargetPattern>().unwrap_err().to_string().len() < 200);
}

#[test]
fn addresses_of_names_match_networks() {
    let named = target("ws://db.example:81/");
    let inside = "10.1.2.3".parse().unwrap();
    let outside = "11.1.2.3".parse().unwrap();
    assert!(pattern("10.0.0.0/8:81").matches_at(&named, inside));
    assert!(!pattern("10.0.0.0/8:81").matches_at(&named, outside));
    assert!(!pattern("10.0.0.0/8").matches_at(&named, inside));
    assert!(pattern("db.example:81").matches_at(&named, outside));
    assert!(!pattern("other.example:81").matches_at(&named, inside));
}

fn any_pattern() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![Just(""), Just("ws://"), Just("wss://"), Just("https://")];
    let host = prop_oneof![
        Just("*".to_owned()),
        "(\\*\\.)?[a-z]{1,5}(\\.[a-z]{1,5}){0,3}\\.?",
        any::<Ipv4Addr>().prop_map(|a| a.to_string()),
        any::<Ipv6Addr>().prop_map(|a| format!("[{a}]")),
        (any::<u32>(), 0u8..=32).prop_map(|(bits, length)| {
            ipnet::Ipv4Net::new(bits.into(), length).unwrap().trunc().to_string()
        }),
    ];
    let port = prop_oneof![Just(String::new()), Just(":*".into()), (1u16..).prop_map(|p| format!(":{p}"))];
    let path = prop_oneof![Just(String::new()), "(/[a-z0-9]{0,3}){1,3}"];
    (scheme, host, port, path).prop_map(|(s, h, p, x)| format!("{s}{h}{p}{x}"))
}

proptest! {
    #[test]
    fn written_and_read_back(text in any_pattern()) {
        // A network with a path of digits may be refused, nothing else.
        if let Ok(first) = text.parse::<TargetPattern>() {
            let shown = first.to_string();
            prop_assert_eq!(&shown.parse::<TargetPattern>().unwrap(), &first);
            let json = String::from(first.clone());
            prop_assert_eq!(TargetPattern::try_from(json).unwrap(), first);
        } else {
            prop_assert!(text.contains(['.', ':']) && text.contains('/'), "{}", text);
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "\\PC{0,40}") {
        if let Ok(pattern) = text.parse::<TargetPattern>() {
            prop_assert_eq!(pattern.to_string().parse::<TargetPattern>().unwrap(), pattern);
        }
    }

    /// A prefix is never left: what matches has the prefix's segments as its first ones.
    #[test]
    fn paths_match_by_segment(prefix in "(/[ab]{1,2}){1,3}", path in "(/[ab]{1,2}){0,4}") {
        let matches = pattern(&format!("h{prefix}")).matches(&target(&format!("ws://h{path}")));
        let wanted: Vec<_> = prefix.split('/').collect();
        let given: Vec<_> = path.split('/').collect();
        prop_assert_eq!(matches, given.starts_with(&wanted));
    }
}
