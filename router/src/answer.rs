//! Answers: JSON, or a script that calls back.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use polysocket_protocol::json;
use polysocket_protocol::jsonp::{self, Callback};

use crate::refusal::Refusal;

/// How the client wants its answer.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// A script that calls this; otherwise JSON.
    pub(crate) callback: Option<Callback>,
    /// The client knows codes.
    pub(crate) v1: bool,
    /// The origin that may read it (CORS).
    pub(crate) reader: Option<HeaderValue>,
}

/// How long a browser may remember that a preflight was answered. Our clients need none.
const PREFLIGHT_SECONDS: &str = "86400";

/// Headers of every answer. A script's answer is attached and not sniffed so that nothing takes it for a page.
const COMMON: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];
const SCRIPT: [(HeaderName, &str); 2] = [
    (header::CONTENT_DISPOSITION, "attachment; filename=f.txt"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
];

impl Manner {
    /// What was asked for.
    pub(crate) fn ok(self, write: impl FnOnce(&mut Vec<u8>)) -> Response {
        self.answer(200, write)
    }

    /// A refusal. A script gets 200, for it could not read anything else.
    pub(crate) fn refusal(self, refusal: &Refusal) -> Response {
        let (v1, script) = (self.v1, self.callback.is_some());
        let status = if script { 200 } else { refusal.word.status() };
        let mut response =
            self.answer(status, |out| json::write_refusal(out, refusal.word, refusal.detail.as_deref(), v1));
        if let Some(seconds) = refusal.retry_after.filter(|_| !script) {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            // Not one of those that a page of another origin may read without this.
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        }
        response
    }

    /// The method is not for this path.
    pub(crate) fn wrong_method(self, refusal: &Refusal, allow: &'static str) -> Response {
        let mut response = self.refusal(refusal);
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    }

    fn answer(self, status: u16, write: impl FnOnce(&mut Vec<u8>)) -> Response {
        let mut body = Vec::with_capacity(256);
        jsonp::write_answer(&mut body, self.callback.as_ref(), write);
        let script = self.callback.is_some();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let content_type = if script { jsonp::CONTENT_TYPE } else { "application/json" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let more = SCRIPT.into_iter().filter(|_| script);
        for (name, value) in COMMON.into_iter().chain(more) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        allow_reader(headers, self.reader);
        response
    }
}

/// The answer to a preflight.
pub(crate) fn preflight(methods: &'static str, reader: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    allow_reader(headers, reader);
    response
}

/// CORS: the exact origin, or nothing.
fn allow_reader(headers: &mut HeaderMap, reader: Option<HeaderValue>) {
    if let Some(reader) = reader {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, reader);
    }
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}
