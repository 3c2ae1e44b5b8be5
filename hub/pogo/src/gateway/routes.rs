//! Which path is what.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use polysocket_service::http::{Peer, allow_origin, preflight};
use polysocket_socket::Refusal;
use polysocket_tokens::Origin;

use super::answer::{answer, not_allowed, refusal, with};
use super::asked::says;
use super::{events, push, read};
use crate::pogo::Pogo;
use crate::talk::{Opening, Talk};
use crate::wire::{Code, Codec, Failure};

const METHODS: &str = "GET, PUT, DELETE";
/// What browsers see at `/`.
const HELLO: &str = "This is Pogo: open a WebSocket here, or GET a path of the API.\n\
    Where `hub.pages` is on there is a page to try it with: /pages/pogo\n";

impl Pogo {
    /// All of its addresses: the WebSocket at `/`, and the HTTP side of every path of the API. For a listener of its own, or
    /// under a prefix of somebody else's by `nest_service` (`nest` does not know `/prefix/`).
    pub fn routes(&self) -> axum::Router {
        axum::Router::new().fallback(serve).with_state(self.clone())
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
            Ok(with(answer(200, HELLO), header::CONTENT_TYPE, "text/plain; charset=utf-8"))
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
