//! Answers to the byte, and their headers.

use crate::bed::{Bed, CREATE, CREATE_V1};
use crate::relay::{Does, Relay, lease};

const COMMON: [(&str, &str); 4] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("vary", "origin"),
];

#[tokio::test(start_paused = true)]
async fn the_documented_answer() {
    let bed = Bed::open();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let answer = bed.get(CREATE).await;
    assert_eq!(answer.status, 200);
    let socket = answer.socket();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"ok":true,"polysocketd":"label1.tom.example:81","fqdn":"label1.tom.example:81","socket":"{socket}"}}"#
        )
    );
    assert_eq!(answer.header("content-type"), "application/json");
    for (name, value) in COMMON {
        assert_eq!(answer.header(name), value);
    }
    assert!(answer.headers.get("content-disposition").is_none());
    assert!(answer.headers.get("access-control-allow-origin").is_none());
    assert_eq!(bed.creates("opened"), 1);
    assert_eq!(bed.metric("polysocket_router_creates_in_flight", ""), 0);
}

#[tokio::test(start_paused = true)]
async fn a_script_calls_back() {
    let bed = Bed::open();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let answer = bed.get(&format!("{CREATE}&cb=ps$.go_1")).await;
    assert_eq!(answer.status, 200);
    let (begin, end) =
        (r#"/**/ps$.go_1({"ok":true,"polysocketd":"label1.tom.example:81","fqdn":"#, r#""});"#);
    assert!(answer.body.starts_with(begin) && answer.body.ends_with(end), "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/javascript; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=f.txt");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    for (name, value) in COMMON {
        assert_eq!(answer.header(name), value);
    }
}

#[tokio::test(start_paused = true)]
async fn more_is_said_to_those_who_ask() {
    let bed = Bed::open();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let answer = bed.get(&format!("{CREATE_V1}&protocols=chat.v2,chat")).await;
    let socket = answer.socket();
    assert_eq!(
        answer.body,
        format!(
            r#"{{"ok":true,"polysocketd":"label1.tom.example:81","fqdn":"label1.tom.example:81","socket":"{socket}","protocol":"chat.v2","extensions":"","ttl_max":50000,"idle":30000,"pause_max":120000,"message_max":4194304,"url_max":8192,"window":8,"transports":["relay","stream","sse","poll","jsonp"]}}"#
        )
    );
}

#[tokio::test(start_paused = true)]
async fn one_host_for_all_has_no_label() {
    let bed = Bed::with(crate::bed::memory(), |parts| parts.limits.jsonp = false);
    let mut lease = lease("tom", 1);
    lease.address = "one.example/r/tom".to_owned();
    lease.label_hosts = false;
    let _relay = Relay::with(&bed.registry, lease, Does::Open).await;
    let json = bed.get(CREATE_V1).await.json();
    assert_eq!(
        (&json["polysocketd"], &json["fqdn"]),
        (&"one.example/r/tom".into(), &"one.example/r/tom".into())
    );
    assert_eq!(json["transports"], serde_json::json!(["relay", "stream", "sse", "poll"]));
}

#[tokio::test(start_paused = true)]
async fn refusals_in_every_shape() {
    let bed = Bed::open();
    let answer = bed.get("/create?target=http://x.example/").await;
    answer.refused("bad-target");
    assert_eq!(answer.body, r#"{"ok":false,"error":"bad-target: the target's scheme is not ws: or wss:"}"#);
    for (name, value) in COMMON {
        assert_eq!(answer.header(name), value);
    }

    let answer = bed.get("/create?v=1&target=http://x.example/").await;
    answer.refused("bad-target");
    assert_eq!(answer.json()["code"], "bad-target");

    for (v, code) in [("", ""), ("&v=1", r#","code":"bad-target""#)] {
        let answer = bed.get(&format!("/create?cb=go&target=http://x.example/{v}")).await;
        assert_eq!(answer.status, 200, "a script cannot read another");
        let error = r#"{"ok":false,"error":"bad-target: the target's scheme is not ws: or wss:""#;
        assert_eq!(answer.body, format!("/**/go({error}{code}}});"));
        assert_eq!(answer.header("content-disposition"), "attachment; filename=f.txt");
    }
    assert_eq!(bed.creates("bad-target"), 4);
}
