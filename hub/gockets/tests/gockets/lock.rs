//! Who may administer, over real connections. The rules are tested one by one beside the lock itself.

use crate::bed::Bed;

const UNAUTHORIZED: &str = r#"{"type":"ERR","message":"Unauthorized"}"#;

#[tokio::test]
async fn the_host_name_counts_for_all_but_subscribing() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let key = &keys.publisher;
    let routes = [
        ("POST", "/channel/prepare".to_owned()),
        ("GET", "/channel".into()),
        ("GET", "/channel/show".into()),
        ("GET", format!("/channel/{key}")),
        ("GET", format!("/channel/show/{key}")),
        ("POST", format!("/channel/publish/{key}")),
        ("PATCH", format!("/channel/edit/{key}")),
        ("GET", "/channel/hooks".into()),
        ("GET", format!("/channel/hooks/{key}")),
        ("POST", format!("/channel/hooks/{key}/retry")),
        ("DELETE", format!("/channel/publish/{key}")),
    ];
    let port = bed.address.port();
    let strangers =
        ["evil.example".to_owned(), format!("evil.example:{port}"), format!("localhost:{}", port - 1)];
    for (method, path) in &routes {
        for host in &strangers {
            let answer = bed.send(method, path, &[("Host", host)], b"{}").await;
            assert_eq!((answer.status(), answer.text()), (403, UNAUTHORIZED), "{method} {path} {host}");
        }
        // Nor is it told whether a channel exists.
        let unknown = path.replace(key.as_str(), "00112233445566778899aabbccddeeff");
        let answer = bed.send(method, &unknown, &[("Host", "evil.example")], b"{}").await;
        assert_eq!((answer.status(), answer.text()), (403, UNAUTHORIZED), "{method} {unknown}");
        for host in ["localhost".to_owned(), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            let answer = bed.send(method, path, &[("Host", &host)], b"{}").await;
            assert!(
                answer.status() == 200 || *method == "DELETE",
                "{method} {path} {host}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(bed.metric("polysocket_gockets_requests_total", "unauthorized"), 44);
}

#[tokio::test]
async fn a_token_instead() {
    let bed = Bed::with(|setup| {
        setup.config.admin_hosts.clear();
        setup.config.admin_token = Some("an admin's secret".into());
    })
    .await;
    let answer = bed.get("/channel").await;
    assert_eq!((answer.status(), answer.text()), (403, UNAUTHORIZED));
    for (token, status) in
        [("Bearer an admin's secret", 200), ("Bearer an admin's secre", 403), ("Bearer ", 403)]
    {
        let headers = [("Host", "hub.example"), ("Authorization", token), ("X-Forwarded-For", "203.0.113.7")];
        assert_eq!(bed.send("GET", "/channel", &headers, b"").await.status(), status, "{token}");
    }
}

#[tokio::test]
async fn a_request_through_a_proxy_or_from_a_page_is_nobodys() {
    let bed = Bed::new().await;
    for header in [("X-Forwarded-For", "127.0.0.1"), ("Origin", "https://evil.example"), ("Origin", "null")] {
        let answer = bed.send("POST", "/channel/prepare", &[header], b"").await;
        assert_eq!((answer.status(), answer.text()), (403, UNAUTHORIZED), "{header:?}");
    }
    let own = format!("http://localhost:{}", bed.address.port());
    assert_eq!(bed.send("POST", "/channel/prepare", &[("Origin", &own)], b"").await.status(), 200);
}

#[tokio::test]
async fn open_to_everybody_where_the_operator_says_so() {
    let bed = Bed::with(|setup| setup.config.admin_open = true).await;
    let answer = bed.send("POST", "/channel/prepare", &[("Host", "any.example")], b"").await;
    assert_eq!(answer.status(), 200);
}
