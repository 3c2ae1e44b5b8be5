//! What a request says of itself: who asks, and for what.

use std::net::IpAddr;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, header};
use polysocket_tokens::Origin;

use crate::access::Session;
use crate::pogo::Pogo;
use crate::wire::{Code, Failure};

/// Whether one of a header's comma separated words is this one, whatever its parameters.
pub(super) fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name);
    let mut texts = values.iter().filter_map(|value| value.to_str().ok());
    texts.any(|text| {
        text.split(',')
            .any(|part| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(word))
    })
}

/// The token of a request, unjudged.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The origin of the page that asks: `Origin`, else that of `Referer`, as a page's `GET` from its own server has no `Origin`.
fn page(headers: &HeaderMap) -> Option<String> {
    match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().ok().map(str::to_owned),
        None => Some(Origin::of_url(headers.get(header::REFERER)?.to_str().ok()?)?.to_string()),
    }
}

/// Who asks, judged and within the limits.
pub(super) async fn identity(
    pogo: &Pogo,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Option<Session>, Failure> {
    let origin = page(headers);
    pogo.0.admit(address, None)?;
    let session = match bearer(headers) {
        Some(token) => Some(pogo.0.authority.judge(token, origin.as_deref()).await?),
        None if headers.contains_key(header::AUTHORIZATION) => {
            return Err(Failure::new(Code::Unauthorized, "only `Authorization: Bearer` is understood"));
        }
        None if pogo.0.config.auth_required => {
            return Err(Failure::new(
                Code::Unauthorized,
                "say who you are, with `Authorization: Bearer` and a token",
            ));
        }
        None => None,
    };
    pogo.0.admit(None, session.as_ref().map(|session| session.credential.name()))?;
    Ok(session)
}

/// Path and query as a client of the WebSocket would write them.
pub(super) fn path_of(request: &Request) -> &str {
    request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}
