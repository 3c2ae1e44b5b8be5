//! Which path is what.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use polysocket_service::http::{Peer, allow_origin, preflight};
use polysocket_socket::Refusal;
use polysocket_tokens::Origin;

use super::answer::{answer, not_allowed, refusal, with};
use super::{events, push, read};
use crate::access::Session;
use crate::pogo::Pogo;
use crate::talk::{Opening, Talk};
use crate::wire::{Code, Codec, Failure};

const METHODS: &str = "GET, PUT, DELETE";

impl Pogo {
    /// All of its addresses: the WebSocket at `/`, and the HTTP side of every path of the API. For a listener of its own, or
    /// under a prefix of somebody else's by `nest_service` (`nest` does not know `/prefix/`).
    pub fn routes(&self) -> axum::Router {
        axum::Router::new().fallback(serve).with_state(self.clone())
    }

    /// A page to try it with; it is also what browsers see at `/`.
    pub fn page() -> &'static str {
        include_str!("../page.html")
    }
}

async fn serve(State(pogo): State<Pogo>, request: Request) -> Response {
    let reader = match reader(&pogo, request.headers()) {
        Ok(reader) => reader,
        Err(failure) => {
            pogo.0.count(Err(&failure));
            return refusal(&failure);
        }
    };
    let mut response = if *request.method() == Method::OPTIONS {
        preflight(METHODS, "authorization, content-type, last-event-id", reader.clone()).map(Body::new)
    } else {
        answered(&pogo, request).await
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        allow_origin(response.headers_mut(), reader);
    }
    response
}

async fn answered(pogo: &Pogo, request: Request) -> Response {
    let address = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    let root = matches!(request.uri().path(), "" | "/");
    if address.is_some_and(|address| pogo.0.blocked.address(address)) {
        return refused(pogo, &Failure::new(Code::Forbidden, "this address is blocked here"));
    }
    if says(request.headers(), header::UPGRADE, "websocket") {
        if root {
            return accept(pogo, request, address);
        }
        return refused(
            pogo,
            &Failure::new(Code::NotFound, "the WebSocket is at `/`; bind to paths by messages"),
        );
    }
    let result = match (request.method(), request.uri().path()) {
        (&Method::POST, "/_pogo/publish") => push::publish(pogo, request).await,
        (_, "/_pogo/publish") => return not_allowed("POST"),
        (&Method::GET, _) if says(request.headers(), header::ACCEPT, "text/event-stream") => {
            events::serve(pogo, request, address).await
        }
        (&Method::GET, "" | "/") if says(request.headers(), header::ACCEPT, "text/html") => {
            let page = answer(200, Pogo::page());
            Ok(with(page, header::CONTENT_TYPE, "text/html; charset=utf-8"))
        }
        (&Method::GET, _) => read::serve(pogo, request, address).await,
        (&Method::PUT | &Method::DELETE, _) => push::resource(pogo, request).await,
        _ => return not_allowed(METHODS),
    };
    match result {
        Ok(response) => {
            pogo.0.count(Ok(()));
            response
        }
        Err(failure) => refused(pogo, &failure),
    }
}

fn refused(pogo: &Pogo, failure: &Failure) -> Response {
    pogo.0.count(Err(failure));
    refusal(failure)
}

fn accept(pogo: &Pogo, mut request: Request, address: Option<IpAddr>) -> Response {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let chosen = Codec::choose(offers.filter_map(|value| value.to_str().ok()));
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let opening = Opening {
        codec: chosen.map(|(_, codec)| codec).unwrap_or_default(),
        address,
        origin: origin.map(str::to_owned),
    };
    let make = {
        let pogo = pogo.clone();
        move |sender| Talk::new(pogo, sender, opening)
    };
    match pogo.0.sockets.accept(&mut request, make) {
        Ok(response) => {
            let response = response.map(|()| Body::empty());
            match chosen {
                Some((name, _)) => with(response, header::SEC_WEBSOCKET_PROTOCOL, name),
                None => response,
            }
        }
        Err(error @ Refusal::NotAWebSocket(_)) => refused(pogo, &Failure::bad(error.to_string())),
        Err(error) => refused(pogo, &Failure::new(Code::Unavailable, error.to_string())),
    }
}

/// Whose page may read the answer; `None` where no page asks. A page that may not, may not ask either.
fn reader(pogo: &Pogo, headers: &HeaderMap) -> Result<Option<HeaderValue>, Failure> {
    let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
    let origin: Option<Origin> = value.to_str().ok().and_then(|text| text.parse().ok());
    let allowed = match origin {
        Some(origin) => pogo.0.readers.iter().any(|pattern| pattern.matches(&origin)),
        // Apps and extensions have origins of their own kinds; `*` means them, too.
        None => pogo.0.config.origins.iter().any(|pattern| pattern == "*"),
    };
    if allowed {
        Ok(Some(value.clone()))
    } else {
        Err(Failure::new(Code::Forbidden, "pages of this origin may not ask here"))
    }
}

fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
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

/// Who asks, judged and within the limits.
pub(super) async fn identity(
    pogo: &Pogo,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Option<Session>, Failure> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    pogo.0.admit(address, None)?;
    let session = match bearer(headers) {
        Some(token) => Some(pogo.0.authority.judge(token, origin).await?),
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
