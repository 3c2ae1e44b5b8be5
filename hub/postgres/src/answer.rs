//! Answers to requests that do not become a WebSocket.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

/// An answer in text.
pub(crate) fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status.is_client_error() || status.is_server_error() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
