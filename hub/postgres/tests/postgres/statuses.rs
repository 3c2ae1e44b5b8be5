//! Requests that are refused, and those that are for no WebSocket.

use polysocket_config::Span;
use polysocket_postgres::Wire;
use polysocket_tests::ask::ask;
use polysocket_tests::ports::TempDir;
use serde_json::json;

use crate::bed::{Bed, Client, now, token, token_by};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn refusals() {
    let server = PostgresServer::start().await;
    let lenient = Bed::new(&server).await;
    let strict = Bed::with(&server, Wire::Current, |config| config.strict_status = true).await;
    let good = json!({"mode": "rw", "channel": "c"});
    for (path, body, status) in [
        (token(&json!({"mode": "rw", "channel": "c", "exp": now() - 1.0})), "Token expired", 401),
        (token(&json!({"channel": "c"})), "Missing mode", 403),
        (token(&json!({"mode": "x", "channel": "c"})), "Missing mode", 403),
        (token(&json!({"mode": "rw"})), "No allowed channels", 403),
        (format!("other/{}", token(&good)), "No allowed channels", 403),
        (token(&json!({"mode": "rw", "channels": []})), "No allowed channels", 403),
        (format!("any/{}", token(&json!({"mode": "rw", "channels": []}))), "No allowed channels", 403),
        (token_by(&good, "another secret of thirty two byte"), "Error: ", 401),
        (String::new(), "Error: ", 401),
        ("no-token".to_owned(), "Error: ", 401),
    ] {
        for (bed, status) in [(&lenient, 400), (&strict, status)] {
            let refused = Client::try_open(bed.address, &format!("/{path}"), &[]).await;
            let answer = refused.err().unwrap_or_else(|| panic!("{path}"));
            assert_eq!(answer.status(), status, "{path} {}", answer.text());
            let same =
                if body.ends_with(' ') { answer.text().starts_with(body) } else { answer.text() == body };
            assert!(same, "{path}: {}", answer.text());
            let header = |name: &str| answer.head.header(name).unwrap_or_default();
            assert_eq!((header("content-type"), header("connection")), ("text/plain", "close"));
        }
    }
    assert_eq!(lenient.metric("rejected_total", "token"), 3);
    let version = [("Sec-WebSocket-Version", "12")];
    let refused = Client::try_open(lenient.address, &format!("/{}", token(&good)), &version).await;
    let answer = refused.expect_err("refused");
    assert_eq!((answer.status(), answer.head.header("sec-websocket-version")), (400, Some("13")));
}

#[tokio::test]
async fn pages_of_other_origins() {
    let server = PostgresServer::start().await;
    let bed =
        Bed::with(&server, Wire::Seed, |config| config.origins = vec!["https://*.example.com".into()]).await;
    let path = format!("/{}", token(&json!({"mode": "r", "channel": "c"})));
    for (origin, good) in [("https://a.example.com", true), ("https://example.org", false), ("null", false)] {
        let opened = Client::try_open(bed.address, &path, &[("Origin", origin)]).await;
        assert_eq!(
            opened.map(drop).map_err(|answer| answer.status()),
            if good { Ok(()) } else { Err(403) },
            "{origin}"
        );
    }
    Client::open(bed.address, &path).await;
}

#[tokio::test]
async fn without_a_database() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.listen_within = Span::millis(50)).await;
    server.kill().await;
    bed.unready_now().await;
    let path = |mode: &str| format!("/{}", token(&json!({"mode": mode, "channel": "c"})));
    let answer = Client::try_open(bed.address, &path("r"), &[]).await.expect_err("no database");
    assert_eq!((answer.status(), answer.head.header("retry-after")), (503, Some("5")));
    // Who only writes waits for nothing yet.
    Client::open(bed.address, &path("w")).await.silent().await;
}

#[tokio::test]
async fn too_many_channels() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.channels_max = 2).await;
    let _two = bed.open(json!({"mode": "r", "channels": ["a", "b"]})).await;
    let path = |channel: &str| format!("/{}", token(&json!({"mode": "r", "channel": channel})));
    Client::open(bed.address, &path("a")).await;
    let answer = Client::try_open(bed.address, &path("c"), &[]).await.expect_err("too many");
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn requests_that_are_for_no_websocket() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    for path in ["/", "/anything/at/all", "/postgres"] {
        let answer = ask(bed.address, "GET", path, &[], b"").await;
        assert_eq!((answer.status(), answer.text()), (200, "Hello, Web!"), "{path}");
        assert_eq!(answer.head.header("content-type"), Some("text/plain"));
    }
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("index.html"), "<p>chat").unwrap();
    std::fs::write(folder.path().join("a b.js"), "1").unwrap();
    let bed = Bed::with(&server, Wire::Seed, |config| config.root = Some(folder.path().to_owned())).await;
    for (path, status, body, kind) in [
        ("/", 200, "<p>chat", "text/html; charset=utf-8"),
        ("/a%20b.js", 200, "1", "text/javascript; charset=utf-8"),
        ("/none", 404, "not found", "text/plain"),
        ("/../../../../etc/passwd", 404, "not found", "text/plain"),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, "not found", "text/plain"),
    ] {
        let answer = ask(bed.address, "GET", path, &[], b"").await;
        assert_eq!((answer.status(), answer.text()), (status, body), "{path}");
        assert_eq!(answer.head.header("content-type"), Some(kind));
    }
    bed.chat("c").await.silent().await;
}
