//! Answers of routes: their bytes and statuses in one place.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use polysocket_broker::BrokerError;
use serde::Serialize;

use crate::channel::Channel;
use crate::options::OptionError;
use crate::{Key, StoreError};

/// Every answer with a body is JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `{"type":…,"message":…}` with a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    code: StatusCode,
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    r#type: &'a str,
    message: &'a str,
}

impl Status {
    pub(crate) fn ok(message: impl Into<String>) -> Self {
        Self { code: StatusCode::OK, kind: "OK", message: message.into() }
    }

    pub(crate) fn inf(message: impl Into<String>) -> Self {
        Self { code: StatusCode::OK, kind: "INF", message: message.into() }
    }

    pub(crate) fn err(code: StatusCode, message: impl Into<String>) -> Self {
        Self { code, kind: "ERR", message: message.into() }
    }

    /// No channel has this publisher key.
    pub(crate) fn no_publisher(legacy: bool) -> Self {
        Self::err(unknown(legacy), "Publisher token not found")
    }

    /// No channel has this subscriber key.
    pub(crate) fn no_subscriber(legacy: bool) -> Self {
        Self::err(unknown(legacy), "Subscriber token not found")
    }

    pub(crate) fn no_endpoint() -> Self {
        Self::err(StatusCode::NOT_FOUND, "Endpoint not found")
    }

    pub(crate) fn into_response(self) -> Response {
        json(self.code, &Shown { r#type: self.kind, message: &self.message })
    }
}

/// The first version of the original answered 200 whatever it had to say.
fn unknown(legacy: bool) -> StatusCode {
    if legacy { StatusCode::OK } else { StatusCode::NOT_FOUND }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // These types have no maps with odd keys, and so always can be written.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// With one more header.
pub(crate) fn with(mut response: Response, name: HeaderName, value: impl Into<HeaderValue>) -> Response {
    response.headers_mut().insert(name, value.into());
    response
}

/// A method that a known path does not take.
pub(crate) fn not_allowed(methods: &'static str) -> Response {
    let status = Status::err(StatusCode::METHOD_NOT_ALLOWED, format!("Method not allowed: use {methods}"));
    with(status.into_response(), header::ALLOW, HeaderValue::from_static(methods))
}

/// Why a request was not done: whose fault it is decides the status.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The client's, in these words.
    Status(Status),
    /// The broker's or Redis's: nothing is wrong with the request.
    Unavailable(String),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<OptionError> for Refusal {
    fn from(error: OptionError) -> Self {
        if let OptionError::NotAllowed(why) = &error {
            tracing::warn!(%why, "a hook was refused");
        }
        // The one thing for which the original's last version answers 500.
        let status = if error == OptionError::NotJson {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        };
        Self::Status(Status::err(status, error.to_string()))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::Status(Status::err(
                StatusCode::TOO_MANY_REQUESTS,
                format!("Too many channels: {error}"),
            )),
            StoreError::Unavailable(_) | StoreError::Unusable(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::TooLong { max, .. } => Self::Status(too_long(max)),
            BrokerError::TooMany { .. } => {
                Self::Status(Status::err(StatusCode::TOO_MANY_REQUESTS, format!("Too many: {error}")))
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

pub(crate) fn too_long(max: usize) -> Status {
    Status::err(StatusCode::PAYLOAD_TOO_LARGE, format!("Message too long: at most {max} bytes are taken"))
}

impl Refusal {
    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::Status(status) => status.into_response(),
            Self::Unavailable(why) => {
                tracing::warn!(why, "a request could not be done");
                let status = Status::err(StatusCode::SERVICE_UNAVAILABLE, "Not available now, try again");
                with(status.into_response(), header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
        }
    }
}

/// A channel as routes show it. The original's text says `_key` and its answers said `_token`: both are given.
#[derive(Serialize)]
pub(crate) struct ShownChannel<'a> {
    publisher_key: Key,
    subscriber_key: Key,
    publisher_token: Key,
    subscriber_token: Key,
    subscriber_message_hook_url: Option<&'a str>,
    tag: Option<&'a str>,
    listeners: u64,
    /// Only where it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hook_events: Vec<&'static str>,
    /// Only in answer to the request that set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hook_secret: Option<String>,
}

impl<'a> ShownChannel<'a> {
    pub(crate) fn new(channel: &'a Channel, listeners: u64) -> Self {
        Self {
            publisher_key: channel.publisher,
            subscriber_key: channel.subscriber,
            publisher_token: channel.publisher,
            subscriber_token: channel.subscriber,
            subscriber_message_hook_url: channel.settings.hook.as_deref(),
            tag: channel.settings.tag.as_deref(),
            listeners,
            hook_events: channel.settings.events.names(),
            hook_secret: None,
        }
    }
}

/// The list of channels.
#[derive(Serialize)]
pub(crate) struct ShownChannels<'a> {
    pub(crate) channels: Vec<ShownChannel<'a>>,
}
