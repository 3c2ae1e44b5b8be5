//! Requests: a WebSocket for whoever has a token, and something to look at for all others.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use polysocket_socket::Refusal;
use polysocket_tokens::Origin;

use crate::answer::text;
use crate::error::Rejection;
use crate::postgres::{Postgres, RETRY_AFTER};
use crate::request::{Asking, BEARER, TokenIn};
use crate::socket::{Opened, Talk};
use crate::{SCHEMA, files};

impl Postgres {
    /// All paths, for a listener of its own or under a prefix.
    pub fn routes(&self) -> axum::Router {
        axum::Router::new()
            .route("/", any(serve))
            .route("/{*path}", any(serve))
            .fallback(serve)
            .with_state(self.clone())
    }

    /// The tables of `postgres.overflow` and `postgres.outbox`, and functions for them.
    pub fn schema() -> &'static str {
        SCHEMA
    }
}

async fn serve(State(postgres): State<Postgres>, mut request: Request) -> Response {
    if !asks_for_websocket(request.headers()) {
        let root = postgres.0.config.root.as_deref();
        return files::serve(root, request.method(), request.uri().path()).await;
    }
    match open(&postgres, &mut request).await {
        Ok(response) => response,
        Err(rejection) => {
            postgres.0.count(&rejection);
            let status = rejection.status(postgres.0.config.strict_status);
            let mut response = text(status, rejection.to_string());
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER.as_secs().into());
            }
            response
        }
    }
}

async fn open(postgres: &Postgres, request: &mut Request) -> Result<Response, Rejection> {
    let shared = &postgres.0;
    check_origin(postgres, request.headers())?;
    let asking = Asking::of(request.uri(), request.headers());
    let (events, by_protocol) = (asking.events, matches!(asking.token, TokenIn::Protocol(_)));
    let (shared_of_task, opened) = (
        shared.clone(),
        match &asking.token {
            TokenIn::Request(token) | TokenIn::Protocol(token) => {
                Some(Opened::of(shared, token, &asking).await?)
            }
            TokenIn::Message => None,
        },
    );
    let accepted = shared.sockets.accept(request, move |sender| match opened {
        Some(opened) => Talk::open(shared_of_task, sender, events, opened),
        None => Talk::waiting(shared_of_task, sender, asking),
    });
    match accepted {
        Ok(response) => {
            let mut response = response.map(|()| Body::empty());
            if by_protocol {
                let chosen = HeaderValue::from_static(BEARER);
                response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
            }
            Ok(response)
        }
        Err(refusal @ Refusal::NotAWebSocket(_)) => {
            let mut response = text(StatusCode::BAD_REQUEST, refusal.to_string());
            response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            Ok(response)
        }
        Err(refusal) => Err(Rejection::Unavailable(refusal.to_string())),
    }
}

/// As the original tells WebSockets from all else.
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn check_origin(postgres: &Postgres, headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin: Option<Origin> = value.to_str().ok().and_then(|text| text.parse().ok());
    let allowed = match origin {
        Some(origin) => postgres.0.origins.iter().any(|pattern| pattern.matches(&origin)),
        // Apps and extensions have origins of their own kinds; `*` means them, too.
        None => postgres.0.config.origins.iter().any(|pattern| pattern == "*"),
    };
    if allowed { Ok(()) } else { Err(Rejection::Origin) }
}
