//! What went wrong, in one word for programs and a sentence for people.

use std::time::Duration;

use bytes::Bytes;

/// The word (`code`) of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    Unprocessable,
    RateLimited,
    UpstreamError,
    Timeout,
    TooManyBinds,
    Unavailable,
}

impl Code {
    pub(crate) const ALL: [Self; 11] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Unprocessable,
        Self::RateLimited,
        Self::UpstreamError,
        Self::Timeout,
        Self::TooManyBinds,
        Self::Unavailable,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unprocessable => "unprocessable",
            Self::RateLimited => "rate_limited",
            Self::UpstreamError => "upstream_error",
            Self::Timeout => "timeout",
            Self::TooManyBinds => "too_many_binds",
            Self::Unavailable => "unavailable",
        }
    }

    /// For an upstream's status that is no success.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            422 => Self::Unprocessable,
            429 => Self::RateLimited,
            504 => Self::Timeout,
            400..=499 => Self::BadRequest,
            _ => Self::UpstreamError,
        }
    }

    /// The status by which the HTTP side says it, where the upstream gave none.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Unprocessable => 422,
            Self::RateLimited | Self::TooManyBinds => 429,
            Self::UpstreamError => 502,
            Self::Timeout => 504,
            Self::Unavailable => 503,
        }
    }
}

/// Why a request was not done, or a resource cannot be read now. The text is for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// The upstream's status, where it gave one.
    pub(crate) http: Option<u16>,
    pub(crate) message: String,
    /// The upstream wants to be left alone for so long.
    pub(crate) retry_after: Option<Duration>,
    /// What the upstream said about it, in JSON: of a conflict or of what could not be processed.
    pub(crate) data: Option<Bytes>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, http: None, message: message.into(), retry_after: None, data: None }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    #[must_use]
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { http: Some(status), ..self }
    }
}
