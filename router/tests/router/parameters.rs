//! What clients may say, and what they may not.

use axum::body::Body;
use http::{Method, Request};
use http_body_util::StreamBody;
use polysocket_config::Size;

use crate::bed::{Bed, CREATE, CREATE_V1, memory};
use crate::relay::{Does, Relay};

const TARGET: &str = "ws%3A%2F%2Ftarget.example%2Fchat%3Fa%3D1%26b";

#[tokio::test(start_paused = true)]
async fn all_that_may_be_said_reaches_the_relay() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let uri = format!("/create?v=1&target={TARGET}&protocols=a,%20b&hold=1&from=tests&_=17");
    let request = Request::get(uri).header("origin", "https://page.example");
    let answer = bed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let asked = relay.asked().await;
    assert_eq!(asked.target, "ws://target.example/chat?a=1&b");
    assert_eq!(asked.protocols, ["a", "b"]);
    assert_eq!(asked.origin.as_deref(), Some("https://page.example"));
    assert_eq!(asked.page_origin.as_deref(), Some("https://page.example"));
    assert!(asked.hold);
    // Nothing is dialled, so a relay has little time to answer.
    assert!((900..=1000).contains(&asked.budget_ms), "{}", asked.budget_ms);
    assert_eq!((asked.socket_lease, asked.bytes_per_second_max), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_documented_client_gets_nothing_more() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    // What begins with `v=1` is nothing without it, however wrong it is.
    let answer = bed.get(&format!("{CREATE}&protocols=,,&nonce=x&hold=1")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let asked = relay.asked().await;
    assert!(asked.protocols.is_empty() && !asked.hold);
    assert!((4000..=5000).contains(&asked.budget_ms), "{}", asked.budget_ms);
    assert_eq!((asked.origin, asked.page_origin), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_form_of_any_type_counts_over_the_query() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    for content_type in
        ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/json", ""]
    {
        let request = Request::post("/create?v=1&target=ws://query.example/")
            .header("content-type", content_type)
            .body(Body::from(format!("protocols=a&target={TARGET}")));
        let answer = bed.send(request.unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let asked = relay.asked().await;
        assert_eq!(asked.target, "ws://target.example/chat?a=1&b");
        assert_eq!(asked.protocols, ["a"]);
    }
    // All in the query; and a script that posts.
    assert_eq!(bed.post(CREATE, "").await.status, 200);
    assert!(bed.post(CREATE, "cb=go").await.body.starts_with("/**/go({\"ok\":true,"));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_malformed() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let many = (0..33).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    for query in [
        "/create".to_owned(),
        "/create?v=1".to_owned(),
        "/create?target=%ff".to_owned(),
        format!("{CREATE}&token=%ff"),
        format!("{CREATE}&from=%c0%80"),
        format!("{CREATE_V1}&protocols=a,a"),
        format!("{CREATE_V1}&protocols=a,,b"),
        format!("{CREATE_V1}&protocols=a/b"),
        format!("{CREATE_V1}&protocols={many}"),
        format!("{CREATE_V1}&nonce="),
        format!("{CREATE_V1}&nonce=too-short"),
        format!("{CREATE_V1}&nonce=0123456789abcde."),
        format!("{CREATE_V1}&nonce={}", "a".repeat(65)),
    ] {
        bed.get(&query).await.refused("bad-request");
    }
    let long = format!("ws://target.example/{}", "a".repeat(2048));
    for target in ["", "x", "http://a.example", "ws://", "ws://u@a.example/", "ws://a.example/%23#f", &long] {
        let target = target.replace('#', "%23");
        bed.get(&format!("/create?target={target}")).await.refused("bad-target");
    }
    assert!(relay.heard_nothing());
}

#[tokio::test(start_paused = true)]
async fn hostile_callbacks_are_never_called() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let long = "a".repeat(65);
    for callback in [
        "",
        "1a",
        ".a",
        "a-b",
        "a%20b",
        "alert(1)//",
        "a;b",
        "a%0a",
        "%ff",
        "%3Cscript%3E",
        "a%5B0%5D",
        "%E2%80%A8",
        "CWS%07%0E",
        &long,
    ] {
        let answer = bed.get(&format!("{CREATE}&cb={callback}")).await;
        answer.refused("bad-request");
        assert_eq!(answer.body, r#"{"ok":false,"error":"bad-request: `cb` is not a callback name"}"#);
    }
    assert!(relay.heard_nothing());
    // Text of the client's reaches no script unescaped, either.
    let answer = bed.get("/create?cb=go&target=%3C/script%3E%3Cscript%3E").await;
    assert!(
        answer.body.starts_with("/**/go({\"ok\":false,") && !answer.body.contains('<'),
        "{}",
        answer.body
    );
}

#[tokio::test(start_paused = true)]
async fn jsonp_may_be_off() {
    let bed = Bed::with(memory(), |parts| parts.config.jsonp = false);
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let answer = bed.get(&format!("{CREATE}&cb=go")).await;
    answer.refused("bad-request");
    assert_eq!(answer.body, r#"{"ok":false,"error":"bad-request: JSONP is switched off here"}"#);
    assert!(relay.heard_nothing());
    assert_eq!(bed.get(CREATE).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn bodies_have_a_limit() {
    let bed = Bed::with(memory(), |parts| parts.config.body_bytes_max = Size::kib(4));
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    assert_eq!(bed.post(CREATE, "x".repeat(4096)).await.status, 200);
    let answer = bed.post(CREATE, "x".repeat(4097)).await;
    answer.refused("bad-request");
    assert!(answer.body.contains("longer than 4096 bytes"), "{}", answer.body);
    // One that does not say how long it is.
    let frames = (0..5).map(|_| Ok::<_, std::io::Error>(http_body::Frame::data(vec![b'x'; 1000].into())));
    let endless = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    bed.post(CREATE, endless).await.refused("bad-request");
    // What the query said before still says how to answer.
    let answer = bed.post(&format!("{CREATE_V1}&cb=go"), "x".repeat(4097)).await;
    assert!(answer.status == 200 && answer.body.contains(r#""code":"bad-request"});"#), "{}", answer.body);
    bed.post(CREATE, vec![b'd', b'=', 0xff]).await.refused("bad-request");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_ends_at_the_deadline() {
    let bed = Bed::open();
    let body = Body::new(StreamBody::new(futures_util::stream::pending::<
        Result<http_body::Frame<bytes::Bytes>, std::io::Error>,
    >()));
    let began = tokio::time::Instant::now();
    bed.post(CREATE, body).await.refused("bad-request");
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn other_methods_open_nothing() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(method).uri(CREATE).body(Body::empty()).unwrap();
        let answer = bed.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"));
    }
    assert!(relay.heard_nothing());
}
