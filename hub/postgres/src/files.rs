//! What is served to requests that are for no WebSocket: files of a folder, or a greeting.

use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;

use crate::answer::text;

/// The longest file that is served; this is for a page and its scripts.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) async fn serve(root: Option<&Path>, method: &Method, path: &str) -> Response {
    let Some(root) = root else { return text(StatusCode::OK, "Hello, Web!".to_owned()) };
    if !matches!(*method, Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here".to_owned());
    }
    match read(root, path).await {
        Some((path, bytes)) => {
            let mut response = Response::new(Body::from(bytes));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&path)));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }
        None => text(StatusCode::NOT_FOUND, "not found".to_owned()),
    }
}

async fn read(root: &Path, path: &str) -> Option<(PathBuf, Vec<u8>)> {
    let mut path = root.join(below(path)?);
    if tokio::fs::metadata(&path).await.ok()?.is_dir() {
        path.push("index.html");
    }
    // A link may lead out of the folder only by way of whoever may write into it.
    let found = tokio::fs::metadata(&path).await.ok()?;
    if !found.is_file() || found.len() > FILE_BYTES_MAX {
        return None;
    }
    let bytes = tokio::fs::read(&path).await.ok()?;
    Some((path, bytes))
}

/// A path below a folder; none where it leads out of it, or to what is hidden.
fn below(path: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
    if decoded.contains('\0') {
        return None;
    }
    let path = PathBuf::from(&*decoded);
    let is_plain = |component: Component<'_>| match component {
        Component::Normal(name) => !name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    };
    path.components().all(is_plain).then_some(path)
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "ico" => "image/x-icon",
        "txt" | "md" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for (path, expected) in [
            ("/", Some("")),
            ("/a/b.js", Some("a/b.js")),
            ("/a%20b.js", Some("a b.js")),
            ("//etc/passwd", Some("etc/passwd")),
            ("/../etc/passwd", None),
            ("/a/%2e%2e/%2e%2e/x", None),
            ("/%2fetc/passwd", None),
            ("/.git/config", None),
            ("/a%00b", None),
            ("/%ff", None),
        ] {
            assert_eq!(below(path), expected.map(PathBuf::from), "{path}");
        }
    }
}
