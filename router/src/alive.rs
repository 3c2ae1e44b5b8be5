//! `/alive/{socket}`: whether the node that holds a socket still has its lease.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, Method, header};
use polysocket_protocol::{SocketId, Word};

use crate::answer::{Manner, preflight, respond};
use crate::metrics::{ALIVE, DEAD};
use crate::origin;
use crate::query::Params;
use crate::refusal::Refusal;
use crate::router::{Router, Shared};

const METHODS: &str = "GET";

/// Answers one request.
pub(crate) async fn serve(State(router): State<Router>, request: Request) -> Response {
    let shared = &router.0;
    let origin = request.headers().get(header::ORIGIN);
    let reader = origin::reader(origin.map(HeaderValue::as_bytes), &shared.readers);
    if request.method() == Method::OPTIONS {
        return preflight(METHODS, reader);
    }
    let mut params = Params::default();
    let read = params.read(request.uri().query().unwrap_or_default());
    let (manner, checked) = Manner::of(&params, reader, shared.config.jsonp);
    if request.method() != Method::GET {
        return respond(manner.wrong_method(&Refusal::told(Word::BadRequest, "use GET"), METHODS));
    }
    let checked = checked.and(read.map_err(|detail| Refusal::told(Word::BadRequest, detail)));
    let alive = match checked {
        Ok(()) => is_alive(shared, request.uri().path()).await,
        Err(refusal) => Err(refusal),
    };
    let outcome = match &alive {
        Ok(true) => ALIVE,
        Ok(false) => DEAD,
        Err(refusal) => refusal.word.as_str(),
    };
    shared.metrics.alive.with_label_values(&[outcome]).inc();
    respond(match alive {
        Ok(true) => manner.ok(|out| out.extend_from_slice(br#"{"ok":true,"alive":true}"#)),
        Ok(false) => manner.ok(|out| out.extend_from_slice(br#"{"ok":true,"alive":false}"#)),
        Err(refusal) => manner.refusal(&refusal),
    })
}

async fn is_alive(shared: &Shared, path: &str) -> Result<bool, Refusal> {
    let socket = path.rsplit('/').next().unwrap_or_default();
    let ours = |id: &SocketId| shared.key.verify(&id.signed(), id.mac());
    match SocketId::parse(socket) {
        Ok(id) if ours(&id) => shared.directory.is_alive(id.node(), id.boot()).await,
        _ => Err(Refusal::new(Word::Gone)),
    }
}
