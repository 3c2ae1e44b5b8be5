//! The API of the original document, line by line, by a client that knows nothing else; the targets are servers that
//! others wrote.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use polysocket_tests::client::http::{Answer, Request};
use polysocket_tests::client::url::{self, Query};
use polysocket_tests::client::{HttpClient, Legacy, Message, base64, jsonp};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::{Foreign, Upstream};
use serde_json::{Value, json};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);
const TTL: Duration = Duration::from_secs(5);

struct Bed {
    cluster: TestCluster,
    http: HttpClient,
    targets: Vec<(&'static str, Foreign)>,
}

impl Bed {
    async fn start() -> Self {
        let cluster = TestCluster::dev(&[]).await.unwrap();
        let http = cluster.client();
        let targets =
            vec![("ws", Foreign::ws().await.unwrap()), ("websockets", Foreign::websockets().await.unwrap())];
        Self { cluster, http, targets }
    }

    fn router(&self) -> String {
        self.cluster.router().to_string()
    }

    async fn get(&self, url: &str) -> Answer {
        self.http.request(&Request::get(url), SOON).await.unwrap()
    }

    async fn post(&self, url: &str, form: &str) -> Answer {
        self.http.request(&Request::post(url, form.to_owned()), SOON).await.unwrap()
    }

    /// `/create` as the document has it; what it answers.
    async fn create(&self, target: &str) -> Value {
        let query = Query::default().and("cb", "go").and("from", "polysocketjs-v0.0.1").and("target", target);
        let answer = self.get(&format!("{}/create?{query}", self.router())).await;
        assert_eq!(answer.head.status(), 200);
        script(&answer)
    }

    async fn socket(&self, target: &str) -> (String, String) {
        let created = self.create(target).await;
        let text = |name: &str| created[name].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        (text("polysocketd"), text("socket"))
    }

    async fn poll(&self, relay: &str, socket: &str, ttl: u64) -> Answer {
        self.get(&format!("{relay}/j/{socket}?cb=go&ttl={ttl}")).await
    }

    /// Polls until so many messages came; what stands in them.
    async fn messages(&self, relay: &str, socket: &str, count: usize) -> Vec<Value> {
        let mut came = Vec::new();
        while came.len() < count {
            let answer = self.poll(relay, socket, 5000).await;
            assert_eq!(answer.head.status(), 200);
            let json = script(&answer);
            assert_eq!(names(&json), BTreeSet::from(["messages", "ok"]), "{json}");
            let messages = json["messages"].as_array().unwrap();
            assert!(messages.iter().all(|message| message["type"] != "heartbeat"), "{json}");
            came.extend(messages.iter().cloned());
        }
        came
    }
}

fn script(answer: &Answer) -> Value {
    jsonp::check_headers(|name| answer.head.header(name).map(String::from)).unwrap();
    jsonp::parse(&answer.body, "go").unwrap()
}

fn names(json: &Value) -> BTreeSet<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}

/// `{ error: (string), ok: false }` and nothing else.
fn is_refusal(json: &Value) -> bool {
    names(json) == BTreeSet::from(["error", "ok"])
        && json["ok"] == false
        && json["error"].as_str().is_some_and(|error| error.len() > 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn create_answers_with_a_relay_and_a_socket() {
    let bed = Bed::start().await;
    for (name, target) in &bed.targets {
        let created = bed.create(&target.url()).await;
        assert_eq!(created["ok"], true, "{name}: {created}");
        // `fqdn` is what a later version of the original called it.
        assert_eq!(names(&created), BTreeSet::from(["fqdn", "ok", "polysocketd", "socket"]), "{name}");
        assert_eq!(created["fqdn"], created["polysocketd"]);
        assert!(created["socket"].as_str().unwrap().len() > 20, "an id that can be guessed: {created}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn create_refuses_what_is_missing_malformed_or_not_there() {
    let bed = Bed::start().await;
    let closed = polysocket_tests::ports::free_port().unwrap();
    for query in [
        "cb=go&from=x".to_owned(),
        "cb=go&from=x&target=".into(),
        "cb=go&from=x&target=http%3A%2F%2Fexample.com%2F".into(),
        "cb=go&from=x&target=no%20url".into(),
        "cb=go&from=x&target=ws%3A%2F%2F".into(),
        "cb=go&from=x&target=%ff%fe".into(),
        format!("cb=go&from=x&target={}", url::encode(&format!("ws://127.0.0.1:{closed}/"))),
    ] {
        let answer = bed.get(&format!("{}/create?{query}", bed.router())).await;
        assert!(is_refusal(&script(&answer)), "{query}: {answer:?}");
        assert_eq!(answer.head.status(), 200, "a script reads no status: {query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn create_asks_for_a_token_and_counts_its_sockets() {
    let target = Foreign::ws().await.unwrap();
    let tokens = "tokens = [{ name = \"page\", key = \"a static token for pages\", targets = [\"ws://127.0.0.1:*\"], sockets_max = 1 }]";
    let cluster =
        TestCluster::dev_with(&[("auth", tokens), ("admin", "listen = \"127.0.0.1:0\"")]).await.unwrap();
    let (http, router) = (cluster.client(), cluster.router().to_string());
    for wrong in ["", "another token for pages"] {
        let refused = Legacy::create(&http, &router, &target.url(), wrong).await.unwrap_err();
        assert!(is_refusal(&refused.json) && refused.status == 200, "{refused:?}");
    }
    let right = "a static token for pages";
    let first = Legacy::create(&http, &router, &target.url(), right).await.unwrap();
    let over = Legacy::create(&http, &router, &target.url(), right).await.unwrap_err();
    assert!(is_refusal(&over.json), "{over:?}");
    assert!(over.json["error"].as_str().unwrap().starts_with("limit:"), "{over:?}");
    assert_eq!(first.send(&Message::text("the first one lives")).await.status, 201);
    assert_eq!(first.messages(TTL).await.unwrap(), [Message::text("the first one lives")]);
    let elsewhere = Legacy::create(&http, &router, "ws://192.0.2.1/", right).await.unwrap_err();
    assert!(is_refusal(&elsewhere.json), "the token does not authorise that target: {elsewhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_by_script_and_by_post_reach_the_target_and_come_back() {
    let bed = Bed::start().await;
    let text = "h\u{e9}llo & <b>\"w\\orld\"</b> \u{2028}\u{1F600} +%41";
    let bytes: Vec<u8> = (0..=255).collect();
    for (name, target) in &bed.targets {
        let (relay, socket) = bed.socket(&target.url()).await;
        let send = format!("{relay}/s/{socket}");
        let as_text = Query::default().and("t", "t").and("d", text).to_string();
        let as_binary = Query::default().and("t", "b").and("d", base64::encode(&bytes)).to_string();
        for parameters in [&as_text, &as_binary] {
            let answer = bed.get(&format!("{send}?cb=go&{parameters}")).await;
            assert_eq!(answer.head.status(), 201, "{name}");
            assert_eq!(script(&answer), json!({ "ok": true }), "{name}");
            let answer = bed.post(&send, parameters).await;
            assert_eq!((answer.head.status(), answer.body.len()), (201, 0), "{name}");
        }
        let text = json!({ "type": "text", "data": text });
        let binary = json!({ "type": "binary", "data": base64::encode(&bytes) });
        let came = bed.messages(&relay, &socket, 4).await;
        assert_eq!(came, [text.clone(), text, binary.clone(), binary], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_may_say_its_content_type_or_not() {
    let bed = Bed::start().await;
    let (relay, socket) = bed.socket(&bed.targets[0].1.url()).await;
    let url = format!("{relay}/s/{socket}");
    for kind in ["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "application/octet-stream"]
    {
        let request = Request::new("POST", &url, format!("t=t&d={}", url::encode(kind)).into());
        let answer = bed.http.request(&request.header("Content-Type", kind), SOON).await.unwrap();
        assert_eq!((answer.head.status(), answer.body.len()), (201, 0), "{kind}");
        assert_eq!(bed.messages(&relay, &socket, 1).await[0]["data"], kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_one_message_and_an_empty_one_too() {
    let bed = Bed::start().await;
    for (name, target) in &bed.targets {
        let (relay, socket) = bed.socket(&target.url()).await;
        let long = "long \u{20ac} ".repeat(20_000);
        for text in [long.as_str(), ""] {
            let form = Query::default().and("t", "t").and("d", text).to_string();
            assert_eq!(bed.post(&format!("{relay}/s/{socket}"), &form).await.head.status(), 201, "{name}");
            assert_eq!(bed.messages(&relay, &socket, 1).await, [json!({ "type": "text", "data": text })]);
        }
        let empty = bed.get(&format!("{relay}/s/{socket}?cb=go&t=b&d=")).await;
        assert_eq!(empty.head.status(), 201);
        assert_eq!(bed.messages(&relay, &socket, 1).await, [json!({ "type": "binary", "data": "" })]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_without_messages_ends_at_ttl_in_a_heartbeat() {
    let bed = Bed::start().await;
    let (relay, socket) = bed.socket(&bed.targets[0].1.url()).await;
    for ttl in [1000, 2000] {
        let began = Instant::now();
        let answer = bed.poll(&relay, &socket, ttl).await;
        let (took, asked) = (began.elapsed(), Duration::from_millis(ttl));
        assert_eq!(answer.head.status(), 200);
        assert_eq!(script(&answer), json!({ "ok": true, "messages": [{ "type": "heartbeat" }] }));
        assert!(
            took + Duration::from_millis(20) >= asked && took < asked + Duration::from_secs(1),
            "{took:?}"
        );
    }
    // A message ends a poll before its time.
    let waiting = tokio::spawn({
        let (http, url) = (bed.http.clone(), format!("{relay}/j/{socket}?cb=go&ttl=20000"));
        async move { http.request(&Request::get(&url), SOON).await.unwrap() }
    });
    assert_eq!(bed.get(&format!("{relay}/s/{socket}?cb=go&t=t&d=now")).await.head.status(), 201);
    let answer = script(&waiting.await.unwrap());
    assert_eq!(answer["messages"], json!([{ "type": "text", "data": "now" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_malformed_parameters_are_400_and_harm_nothing() {
    let bed = Bed::start().await;
    let (relay, socket) = bed.socket(&bed.targets[0].1.url()).await;
    for (path, callback) in [
        (format!("/s/{socket}?cb=go"), true),
        (format!("/s/{socket}?cb=go&d=x"), true),
        (format!("/s/{socket}?cb=go&t=t"), true),
        (format!("/s/{socket}?cb=go&t=b"), true),
        (format!("/s/{socket}?cb=go&t=x&d=x"), true),
        (format!("/s/{socket}?cb=go&t=&d=x"), true),
        (format!("/s/{socket}?cb=go&t=b&d=no!base64"), true),
        (format!("/s/{socket}?cb=go&t=b&d=A"), true),
        (format!("/s/{socket}?cb=go&t=t&d=%ff"), true),
        (format!("/s/{socket}?t=t&d=x"), false),
        (format!("/s/{socket}?cb=&t=t&d=x"), false),
        (format!("/s/{socket}?cb=a-b&t=t&d=x"), false),
        (format!("/j/{socket}?cb=go&ttl=soon"), true),
        (format!("/j/{socket}?cb=go&ttl=-1"), true),
        (format!("/j/{socket}?cb=go&ttl="), true),
        (format!("/j/{socket}?cb=a%28b&ttl=1000"), false),
    ] {
        let answer = bed.get(&format!("{relay}{path}")).await;
        assert_eq!(answer.head.status(), 400, "{path}: {answer:?}");
        let json =
            if callback { script(&answer) } else { serde_json::from_slice(&answer.body).unwrap_or_default() };
        assert!(is_refusal(&json), "{path}: {answer:?}");
    }
    for form in ["", "t=t", "d=x", "t=x&d=x", "t=b&d=%21", "t=t&d=%ff", "nothing"] {
        let answer = bed.post(&format!("{relay}/s/{socket}"), form).await;
        assert_eq!(answer.head.status(), 400, "{form}");
        assert!(is_refusal(&serde_json::from_slice(&answer.body).unwrap()), "{form}: {answer:?}");
    }
    assert_eq!(bed.post(&format!("{relay}/s/{socket}"), "t=t&d=alive").await.head.status(), 201);
    assert_eq!(bed.messages(&relay, &socket, 1).await, [json!({ "type": "text", "data": "alive" })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_socket_is_403() {
    let bed = Bed::start().await;
    let (relay, socket) = bed.socket(&bed.targets[0].1.url()).await;
    let guessed = format!("{}AAAA", &socket[..=socket.find('.').unwrap()]);
    for unknown in ["nobody", &guessed, "tom.", "%00"] {
        for path in [format!("/s/{unknown}?cb=go&t=t&d=x"), format!("/j/{unknown}?cb=go&ttl=1000")] {
            let answer = bed.get(&format!("{relay}{path}")).await;
            assert_eq!(answer.head.status(), 403, "{path}: {answer:?}");
            assert!(is_refusal(&script(&answer)), "{path}");
        }
        let answer = bed.post(&format!("{relay}/s/{unknown}"), "t=t&d=x").await;
        assert_eq!(answer.head.status(), 403, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_target_closes_the_messages_come_and_then_403() {
    let bed = Bed::start().await;
    for (name, target) in &bed.targets {
        let (relay, socket) = bed.socket(&target.url()).await;
        for text in ["last words", "close 3005 enough"] {
            let form = Query::default().and("t", "t").and("d", text).to_string();
            assert_eq!(bed.post(&format!("{relay}/s/{socket}"), &form).await.head.status(), 201);
        }
        let came = bed.messages(&relay, &socket, 1).await;
        assert_eq!(came, [json!({ "type": "text", "data": "last words" })], "{name}");
        let ended = bed.poll(&relay, &socket, 5000).await;
        assert_eq!(ended.head.status(), 403, "{name}");
        assert!(is_refusal(&script(&ended)));
        let late = bed.get(&format!("{relay}/s/{socket}?cb=go&t=t&d=late")).await;
        assert_eq!(late.head.status(), 403, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_socket_has_a_subdomain_of_its_own_and_every_subdomain_leads_there() {
    let bed = Bed::start().await;
    let target = bed.targets[0].1.url();
    let (first, socket) = bed.socket(&target).await;
    let (second, _) = bed.socket(&target).await;
    let (first_label, host) = first.split_once('.').unwrap();
    let (second_label, same) = second.split_once('.').unwrap();
    assert_eq!(host, same);
    assert_ne!(first_label, second_label);
    for label in ["1234", "4321", second_label] {
        let answer = bed.get(&format!("{label}.{host}/s/{socket}?cb=go&t=t&d={label}")).await;
        assert_eq!(answer.head.status(), 201);
        assert_eq!(bed.messages(&format!("x{label}.{host}"), &socket, 1).await[0]["data"], label);
    }
}

/// What a documented client is never told, and must not be confused by.
#[tokio::test(flavor = "multi_thread")]
async fn a_documented_poll_is_told_messages_only() {
    let bed = Bed::start().await;
    let upstream = Upstream::start().await.unwrap();
    // A hundred messages and then silence: no `open`, no `seq`, no `ack`, and each message once.
    let (relay, socket) = bed.socket(&upstream.url("/number?count=100")).await;
    let came = bed.messages(&relay, &socket, 100).await;
    let expected: Vec<Value> = (1..=100).map(|n| json!({ "type": "text", "data": n.to_string() })).collect();
    assert_eq!(came, expected);
    let after = script(&bed.poll(&relay, &socket, 1000).await);
    assert_eq!(after["messages"], json!([{ "type": "heartbeat" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_after_the_end_is_403() {
    let bed = Bed::start().await;
    let upstream = Upstream::start().await.unwrap();
    let (relay, socket) = bed.socket(&upstream.url("/close?code=3005")).await;
    // The end comes when it comes; until then sends are taken.
    let refused = timeout(SOON, async {
        loop {
            let answer = bed.get(&format!("{relay}/s/{socket}?cb=go&t=t&d=late")).await;
            if answer.head.status() != 201 {
                return answer;
            }
        }
    });
    let refused = refused.await.unwrap();
    assert_eq!(refused.head.status(), 403, "{refused:?}");
    assert!(is_refusal(&script(&refused)));
}
