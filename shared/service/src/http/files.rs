//! Files that are part of the program.

use ::http::{HeaderMap, HeaderValue, StatusCode, header};
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::get;

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Where it is served.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What it is.
    pub bytes: &'static [u8],
}

/// Serves each file at its path, with an entity tag and the headers that `more` says.
pub fn file_routes(files: &'static [File], more: impl Fn(&File) -> HeaderMap) -> Router {
    files.iter().fold(Router::new(), |router, file| {
        let mut headers = more(file);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::ETAG, tag(file.bytes));
        router.route(file.path, get(move |asked: HeaderMap| async move { serve(file, headers, &asked) }))
    })
}

/// An entity tag (RFC 9110, section 8.8.3): a hash of the file.
fn tag(bytes: &[u8]) -> HeaderValue {
    let mut tag = vec![b'"'];
    polysocket_protocol::binary::write(&mut tag, digest(&SHA256, bytes).as_ref());
    tag.push(b'"');
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

fn serve(file: &File, headers: HeaderMap, asked: &HeaderMap) -> Response {
    let tag = &headers[header::ETAG];
    let has_it = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = if has_it {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(Bytes::from_static(file.bytes)))
    };
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_it_is_told_so() {
        let file = File { path: "/a", content_type: "text/plain", bytes: b"a file" };
        let tag = tag(file.bytes);
        let text = tag.to_str().expect("text");
        let cases = [(text.to_owned(), 304), (format!("\"x\", W/{text}"), 304), ("\"x\"".into(), 200)];
        for (asked, status) in cases {
            let asked = HeaderValue::try_from(asked).expect("a tag");
            let headers = HeaderMap::from_iter([(header::ETAG, tag.clone())]);
            let answer = serve(&file, headers, &HeaderMap::from_iter([(header::IF_NONE_MATCH, asked)]));
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()[header::ETAG], tag);
        }
        assert_ne!(tag, super::tag(b"another file"));
    }
}
