//! The client's script, served by every process that pages reach.
//!
//! It is built with Node and committed (`js-client/dist`), so that Rust alone builds and runs the product.

use std::sync::LazyLock;

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use hyper::body::Bytes;

/// How long a browser takes it from its cache unasked, seconds. Short, as its name has no version: a fix shall reach
/// pages within the hour.
const MAX_AGE: &str = "public, max-age=3600";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, media type, bytes. The map of a script has the script's path and `.map`; a header says so, which spares every
/// page a comment in the script.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("/polysocket.js", SCRIPT, include_bytes!("../../../../js-client/dist/polysocket.js")),
    ("/polysocket.mjs", SCRIPT, include_bytes!("../../../../js-client/dist/polysocket.mjs")),
    (
        "/polysocket.js.map",
        "application/json",
        include_bytes!("../../../../js-client/dist/polysocket.js.map"),
    ),
    (
        "/polysocket.mjs.map",
        "application/json",
        include_bytes!("../../../../js-client/dist/polysocket.mjs.map"),
    ),
];

/// Entity tags (RFC 9110, section 8.8.3) of the files: a hash of each.
static TAGS: LazyLock<[HeaderValue; FILES.len()]> = LazyLock::new(|| {
    FILES.map(|(_, _, bytes)| {
        let mut tag = vec![b'"'];
        polysocket_protocol::binary::write(&mut tag, digest(&SHA256, bytes).as_ref());
        tag.push(b'"');
        HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
    })
});

/// `/polysocket.js`, the ES module beside it, and their source maps.
pub fn shim_routes() -> Router {
    let file = |router: Router, index: usize| {
        router.route(FILES[index].0, get(move |headers: HeaderMap| async move { serve(index, &headers) }))
    };
    (0..FILES.len()).fold(Router::new(), file)
}

fn serve(index: usize, asked: &HeaderMap) -> Response {
    let (path, content_type, bytes) = FILES[index];
    let tag = &TAGS[index];
    let has_it = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response =
        Response::new(if has_it { Body::empty() } else { Body::from(Bytes::from_static(bytes)) });
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, MAX_AGE),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Any page may use it, also one that checks its integrity or isolates itself.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ETAG, tag.clone());
    if let (SCRIPT, Ok(map)) = (content_type, HeaderValue::try_from(format!("{path}.map"))) {
        headers.insert("sourcemap", map);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_it_is_told_so() {
        let fresh = serve(0, &HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[header::CONTENT_TYPE], SCRIPT);
        assert_eq!(fresh.headers()["sourcemap"], "/polysocket.js.map");
        let tag = fresh.headers()[header::ETAG].to_str().expect("text").to_owned();
        for (asked, status) in [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("\"x\"".into(), 200)] {
            let headers = [(header::IF_NONE_MATCH, HeaderValue::try_from(&asked).expect("a tag"))];
            assert_eq!(serve(0, &headers.into_iter().collect()).status(), status, "{asked}");
        }
        assert_ne!(TAGS[0], TAGS[1]);
    }
}
