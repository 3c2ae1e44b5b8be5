//! Parameters and ids that are none.

use polysocket_tests::client::jsonp;
use serde_json::Value;

use crate::{Bed, json, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn malformed_parameters_are_refused_by_every_endpoint() {
    let mut bed = Bed::start().await;
    let target = bed.upstream.url("/echo");
    let secret = "0123456789abcdef-a-token-that-nobody-issued";
    for (query, word) in [
        (String::new(), "bad-request"),
        ("target=".into(), "bad-target"),
        ("target=%00".into(), "bad-target"),
        ("target=ws%3A%2F%2Fuser%3Apass%40127.0.0.1%2F".into(), "bad-target"),
        ("target=ws%3A%2F%2F127.0.0.1%2F%23fragment".into(), "bad-target"),
        ("target=ws%3A%2F%2F127.0.0.1%3A99999%2F".into(), "bad-target"),
        ("target=javascript%3Aalert(1)".into(), "bad-target"),
        (format!("target=ws%3A%2F%2Fexample.com%2F{}", "x".repeat(3000)), "bad-target"),
        ("target=ws%3A%2F%2F169.254.169.254%2Flatest".into(), "forbidden"),
        ("target=ws%3A%2F%2F10.0.0.1%2F".into(), "forbidden"),
        ("target=ws%3A%2F%2F%5B%3A%3Affff%3A10.0.0.1%5D%2F".into(), "forbidden"),
        (format!("target={target}&nonce=short"), "bad-request"),
        (format!("target={target}&nonce={}", "x".repeat(65)), "bad-request"),
        (format!("target={target}&nonce=0123456789abcde%2F"), "bad-request"),
        (format!("target={target}&protocols=a,,b"), "bad-request"),
        (format!("target={target}&protocols=a%0d%0aX-Evil:1"), "bad-request"),
        (format!("target={target}&from=%ff"), "bad-request"),
    ] {
        let answer = bed.get(&format!("{}/create?v=1&token={secret}&{query}", bed.router())).await;
        let json = json(&answer);
        assert_eq!(
            (&json["ok"], json["code"].as_str()),
            (&Value::Bool(false), Some(word)),
            "{query}: {json}"
        );
        assert!(answer.head.status() >= 400, "{query}");
        // The same as a form.
        let answer = bed.post(&format!("{}/create?v=1", bed.router()), query.clone()).await;
        assert_eq!(self::json(&answer)["code"].as_str(), Some(word), "{query}");
    }
    assert_eq!(bed.upstream.seen().len(), 0);

    let created = bed.created("/echo").await;
    let socket = &created.socket;
    for path in [
        "s?v=1",
        "s?n=1",
        "s?n=1&t=q",
        "s?n=x&t=t",
        "s?n=-1&t=t",
        "s?n=1.5&t=t",
        "s?n=99999999999999999999&t=t",
        "s?n=0&t=t",
        "s?t=f",
        "s?n=1&t=f&e=64",
        "s?n=1&t=c&code=1005",
        "s?ack=99",
        "s?ack=x",
        "s?n=1&t=c&code=1000&reason=%ff",
        "j?ack=99",
        "j?ack=x",
        "j?ack=0&ttl=x",
        "j?ack=0&p=x",
        "j?ack=0&max=x",
        "j?ack=0&pause=x",
        "j?ack=-1",
        "x?ack=99",
        "x?ack=x",
        "x?budget=x",
        "e?last=99",
        "e?ack=x",
        "e?last=x",
        "w?ack=0",
        "w",
    ] {
        let (kind, query) = path.split_once('?').unwrap_or((path, ""));
        let url = format!("{}/{kind}/{socket}?{query}", created.relay);
        let answer = if kind == "s" { bed.post(&url, "?").await } else { bed.get(&url).await };
        let json = json(&answer);
        assert_eq!((answer.head.status(), json["ok"].as_bool()), (400, Some(false)), "{path}: {json}");
        assert!(json["error"].as_str().unwrap().starts_with("bad: "), "{path}: {json}");
    }
    // None of it has used up a number or ended the session.
    assert_eq!(bed.post(&format!("{}/s/{socket}?n=1&t=t", created.relay), "one").await.head.status(), 201);
    let socket = created.socket.clone();
    bed.is_unharmed(&[secret, secret_of(&socket), "user:pass"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_callback_is_never_called() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let (relay, socket) = (&created.relay, &created.socket);
    let long = "a".repeat(65);
    for name in [
        "",
        "1a",
        "a-b",
        "a(b",
        "alert(1)//",
        "a%3Bb",
        "a%0Ab",
        "a%20b",
        "%3Cscript%3E",
        "a%5B0%5D",
        "%C3%A9",
        "%ff",
        "..",
        ".a",
        "a%00",
        "a%27",
        "a%22",
        "CWS%07%0E",
        &long,
    ] {
        for url in [
            format!("{}/create?target=x&cb={name}", bed.router()),
            format!("{relay}/s/{socket}?t=t&d=x&cb={name}"),
            format!("{relay}/j/{socket}?ttl=1000&cb={name}"),
            format!("{relay}/j/unknown?cb={name}"),
            format!("{}/alive/{socket}?cb={name}", bed.router()),
        ] {
            let answer = bed.get(&url).await;
            assert!((400..=405).contains(&answer.head.status()), "{url}: {answer:?}");
            let kind = answer.head.header("content-type").unwrap_or_default();
            assert_eq!((kind, json(&answer)["ok"].as_bool()), ("application/json", Some(false)), "{url}");
            assert_eq!(answer.head.header("x-content-type-options"), Some("nosniff"), "{url}");
        }
    }
    for name in ["a", "$", "_a.b$c", &"a".repeat(64)] {
        let answer = bed.get(&format!("{relay}/s/{socket}?t=t&d=%3C%2Fscript%3E&cb={name}")).await;
        jsonp::check_headers(|header| answer.head.header(header).map(String::from)).unwrap();
        assert_eq!(jsonp::parse(&answer.body, name).unwrap()["ok"], true);
        assert!(answer.head.header("content-disposition").unwrap().starts_with("attachment"));
    }
    bed.is_unharmed(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_none_are_403() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let socket = created.socket.clone();
    let (node, secret) = socket.split_once('.').unwrap();
    let flipped = |at: usize| {
        let mut bytes = secret.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        format!("{node}.{}", String::from_utf8(bytes).unwrap())
    };
    let ids = [
        flipped(0),
        flipped(10),
        flipped(20),
        format!("{node}.{}", "A".repeat(secret.len())),
        format!("{node}."),
        node.to_owned(),
        secret.to_owned(),
        socket[..socket.len() - 1].to_owned(),
        format!("{socket}A"),
        format!("{socket}/"),
        format!("other.{}", "A".repeat(secret.len())),
        format!("other.{}", &flipped(3)[node.len() + 1..]),
        "..%2f..%2fetc%2fpasswd".into(),
        "%00".into(),
        "A".repeat(4000),
    ];
    for id in &ids {
        for kind in ["s", "j", "x", "e", "w"] {
            let url = format!("{}/{kind}/{id}?v=1&t=t&ack=0", bed.router());
            let answer = if kind == "s" { bed.post(&url, "x").await } else { bed.get(&url).await };
            assert!(matches!(answer.head.status(), 403 | 404), "/{kind}/{id}: {answer:?}");
        }
        let forwarded = bed.get(&format!("{}/r/{node}/j/{id}?ack=0", bed.router())).await;
        assert!(matches!(forwarded.head.status(), 403 | 404), "{id}: {forwarded:?}");
    }
    // The router's own page on ids checks the signature.
    for id in ids.iter().take(3).chain([&flipped(secret.len() - 2)]) {
        assert_eq!(bed.get(&format!("{}/alive/{id}", bed.router())).await.head.status(), 403, "{id}");
    }
    assert_eq!(json(&bed.get(&format!("{}/alive/{socket}", bed.router())).await)["alive"], true);
    bed.is_unharmed(&[secret]).await;
}
