//! `/channel/subscribe/{subscriber_key}`: one address, and three ways to listen at it.

use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use polysocket_service::http::{allow_origin, preflight};
use polysocket_tokens::Origin;

use crate::answer::{Refusal, Status, not_allowed};
use crate::channel::Channel;
use crate::gockets::Gockets;
use crate::listen::{events, poll, websocket};
use crate::query::{key, parameter, position};

pub(crate) async fn serve(
    State(gockets): State<Gockets>,
    params: RawPathParams,
    request: Request,
) -> Response {
    let reader = match reader(&gockets, request.headers()) {
        Ok(reader) => reader,
        Err(refused) => return refused.into_response(),
    };
    let mut response = if *request.method() == Method::OPTIONS {
        let response = preflight("GET", "last-event-id", reader);
        return response.map(axum::body::Body::new);
    } else {
        listen(&gockets, &params, request).await.unwrap_or_else(Refusal::into_response)
    };
    gockets.count(&response);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        allow_origin(response.headers_mut(), reader);
    }
    response
}

/// Whose page may read the answer; `None` where no page asks. A page that may not, may not listen either.
fn reader(gockets: &Gockets, headers: &HeaderMap) -> Result<Option<HeaderValue>, Status> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin: Option<Origin> = value.to_str().ok().and_then(|text| text.parse().ok());
    let allowed = match origin {
        Some(origin) => gockets.0.readers.iter().any(|pattern| pattern.matches(&origin)),
        // Apps and extensions have origins of their own kinds; `*` means them, too.
        None => gockets.0.config.origins.iter().any(|pattern| pattern == "*"),
    };
    if allowed {
        Ok(Some(value.clone()))
    } else {
        Err(Status::err(StatusCode::FORBIDDEN, "Origin not allowed"))
    }
}

async fn listen(gockets: &Gockets, params: &RawPathParams, request: Request) -> Result<Response, Refusal> {
    if *request.method() != Method::GET {
        return Ok(not_allowed("GET"));
    }
    let legacy = gockets.0.config.legacy_status;
    let key = key(params).ok_or_else(|| Status::no_subscriber(legacy))?;
    let channel: Option<Channel> = gockets.0.channels.by_subscriber(&key).await?;
    let channel = channel.ok_or_else(|| Status::no_subscriber(legacy))?;
    let headers = request.headers();
    if says(headers, header::UPGRADE, "websocket") {
        return websocket::serve(gockets, channel, request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    if parameter(query, "poll").is_some() {
        return poll::serve(gockets, channel, query).await;
    }
    if says(headers, header::ACCEPT, "text/event-stream") {
        let since = match headers.get("last-event-id") {
            Some(id) => Some(id.to_str().unwrap_or_default().to_owned()),
            None => parameter(query, "since").map(String::from),
        };
        return events::serve(gockets, channel, position(since.as_deref())?).await;
    }
    Err(Status::err(
        StatusCode::UPGRADE_REQUIRED,
        "This is a WebSocket; ask with Accept: text/event-stream for events, or with ?poll for one poll",
    )
    .into())
}

fn says(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name);
    let mut texts = values.iter().filter_map(|value| value.to_str().ok());
    texts.any(|text| {
        text.split(',')
            .any(|part| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(word))
    })
}
