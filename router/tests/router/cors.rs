//! Which pages may read, and what the target is told of them.

use axum::body::Body;
use http::{Method, Request};

use crate::bed::{Bed, CREATE, memory};
use crate::relay::{Does, Relay};

fn only_some_pages() -> Bed {
    Bed::with(memory(), |parts| {
        parts.config.origins = vec!["https://app.example".to_owned(), "https://*.app.example".to_owned()];
    })
}

#[tokio::test(start_paused = true)]
async fn the_exact_origin_or_none() {
    let bed = only_some_pages();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    for page in ["https://app.example", "https://a.app.example", "https://A.app.example:443"] {
        let answer = bed.get_from(CREATE, "origin", page).await;
        assert_eq!(answer.header("access-control-allow-origin"), page);
        assert_eq!(answer.header("vary"), "origin");
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        // Refusals are for the page to read, too.
        let answer = bed.get_from("/create", "origin", page).await;
        answer.refused("bad-request");
        assert_eq!(answer.header("access-control-allow-origin"), page);
    }
    for page in ["https://evilapp.example", "http://app.example", "https://app.example.evil.net", "null", "x"]
    {
        let answer = bed.get_from(CREATE, "origin", page).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{page}");
        assert_eq!(answer.header("vary"), "origin");
    }
    let bed = Bed::open();
    for page in ["https://any.example", "null"] {
        let answer = bed.get_from("/create", "origin", page).await;
        assert_eq!(answer.header("access-control-allow-origin"), page);
    }
}

#[tokio::test(start_paused = true)]
async fn preflights_are_answered_and_remembered() {
    let bed = only_some_pages();
    for (path, methods) in [("/create", "GET, POST"), ("/alive/x", "GET")] {
        for (page, allowed) in [("https://app.example", "https://app.example"), ("https://other.example", "")]
        {
            let request = Request::builder().method(Method::OPTIONS).uri(path).header("origin", page);
            let answer = bed.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""));
            assert_eq!(answer.header("access-control-allow-origin"), allowed);
            assert_eq!(answer.header("access-control-allow-methods"), methods);
            assert_eq!(answer.header("access-control-allow-headers"), "content-type");
            assert_eq!(answer.header("access-control-max-age"), "86400");
            assert_eq!(answer.header("vary"), "origin");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_target_is_told_the_page_that_was_verified() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let table = [
        ("origin", "https://page.example:8443", Some("https://page.example:8443")),
        ("origin", "null", Some("null")),
        ("origin", "https://page.example/path", None),
        ("referer", "https://page.example/path?secret", Some("https://page.example")),
        ("referer", "about:blank", None),
        ("x-origin", "https://page.example", None),
    ];
    for (header, page, told) in table {
        // A parameter is not believed.
        let answer = bed.get_from(&format!("{CREATE}&origin=https://lie.example"), header, page).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let asked = relay.asked().await;
        assert_eq!((asked.origin.as_deref(), asked.page_origin.as_deref()), (told, told), "{header}: {page}");
    }
}
