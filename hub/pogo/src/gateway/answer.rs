//! Answers over HTTP.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::wire::{Code, Failure, Field, Name, json};

/// JSON with a status.
pub(super) fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What did not work, in the words that WebSockets have for it.
pub(super) fn refusal(failure: &Failure) -> Response {
    let mut fields = vec![
        (Name::Status, Field::Text("error")),
        (Name::Code, Field::Text(failure.code.word())),
        (Name::Message, Field::Text(&failure.message)),
    ];
    fields.extend(failure.data.as_deref().map(|data| (Name::Data, Field::Json(data))));
    let status =
        failure.http.filter(|status| (400..600).contains(status)).unwrap_or_else(|| failure.code.status());
    let response = answer(status, json(&fields, false));
    match failure.code {
        Code::Unauthorized => with(response, header::WWW_AUTHENTICATE, "Bearer"),
        Code::Unavailable | Code::RateLimited => with(response, header::RETRY_AFTER, "1"),
        _ => response,
    }
}

pub(super) fn not_allowed(methods: &'static str) -> Response {
    let failure = Failure::bad(format!("this method is not for this path; use {methods}"));
    let mut response = refusal(&failure);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    with(response, header::ALLOW, methods)
}

pub(super) fn with(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
