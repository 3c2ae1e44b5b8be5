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

/// The media types that [`files!`](crate::files) knows by name.
pub mod media {
    /// HTML.
    pub const PAGE: &str = "text/html; charset=utf-8";
    /// CSS.
    pub const STYLE: &str = "text/css; charset=utf-8";
    /// JavaScript.
    pub const SCRIPT: &str = "text/javascript; charset=utf-8";
    /// A source map.
    pub const MAP: &str = "application/json";
    /// Text.
    pub const TEXT: &str = "text/plain; charset=utf-8";
    /// SVG.
    pub const IMAGE: &str = "image/svg+xml";
}

/// Files of the program, one a line: where it is served, a name of [`media`](crate::http::media), and where it is,
/// from the folder of the caller's crate.
///
/// ```
/// use polysocket_service::http::File;
///
/// static FILES: &[File] = polysocket_service::files!["/about" TEXT "Cargo.toml"];
/// assert_eq!((FILES[0].path, FILES[0].content_type), ("/about", "text/plain; charset=utf-8"));
/// ```
#[macro_export]
macro_rules! files {
    ($($path:literal $media:ident $file:literal),* $(,)?) => {
        &[$($crate::http::File {
            path: $path,
            content_type: $crate::http::media::$media,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)),
        }),*]
    };
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
