//! Which path is which transport, and what is not a socket's path at all.

use std::sync::Arc;

use ::http::{HeaderValue, Method, Request, Response, header};
use hyper::body::{Bytes, Incoming};
use polysocket_protocol::{SocketId, Word};
use polysocket_service::http::{Answering, Body, Exchange, Handler, PlainRequest, preflight};

use crate::answer::Manner;
use crate::forward;
use crate::node::Node;
use crate::query::Params;
use crate::relay::Relay;
use crate::sessions::Cell;
use crate::transports::{event_stream, poll, send, stream, websocket};

/// The paths of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Send,
    Poll,
    Stream,
    Events,
    WebSocket,
}

/// What a relay serves to pages: its sockets, and `rest` for all other paths.
///
/// Sockets are matched here and not by `rest`: these requests are the many, and they may take their connection over.
#[derive(Clone)]
pub struct Front<R> {
    node: Arc<Node>,
    rest: R,
}

impl<R: Handler> Front<R> {
    /// A relay's sockets before whatever else the process serves.
    pub fn new(relay: &Relay, rest: R) -> Self {
        Self { node: relay.0.clone(), rest }
    }
}

/// `/s/{socket}`, also behind `/r/{node}`: there the socket itself says where it lives.
fn split(path: &str) -> Option<(Transport, &str)> {
    let path = match path.strip_prefix("/r/") {
        Some(rest) => &rest[rest.find('/')?..],
        None => path,
    };
    let (kind, id) = path.strip_prefix('/')?.split_once('/')?;
    let transport = match kind {
        "s" => Transport::Send,
        "j" => Transport::Poll,
        "x" => Transport::Stream,
        "e" => Transport::Events,
        "w" => Transport::WebSocket,
        _ => return None,
    };
    Some((transport, id))
}

impl<R: Handler> Handler for Front<R> {
    /// Polls and sends of sockets that are here, when nothing is wrong with them.
    fn answer_plain(&self, request: &PlainRequest<'_>) -> Option<Answering> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let Some((transport, id)) = split(path) else { return self.rest.answer_plain(request) };
        let post = request.method == "POST";
        let cell = self.node.table.get(SocketId::key_of(id)?)?;
        let mut params = Params::default();
        params.read(query).ok()?;
        let callback = params.callback.take();
        if callback.is_some() && !self.node.config.jsonp {
            return None;
        }
        let origin = match request.origin {
            Some(origin) => allowed_origin(HeaderValue::from_bytes(origin).ok(), &cell),
            None => None,
        };
        let manner = Manner { callback, told: params.told(), origin };
        match transport {
            Transport::Poll if !post || request.body.is_empty() => {
                self.count(transport, &params, &manner);
                Some(poll::serve_plain(&cell, &params, manner))
            }
            Transport::Send if post || manner.callback.is_some() => {
                let body = post.then(|| Bytes::copy_from_slice(request.body));
                let node = self.node.clone();
                Some(Box::pin(async move {
                    send::answer(&node, &cell, params, manner, body).await.into_raw(true)
                }))
            }
            _ => None,
        }
    }

    async fn handle(&self, request: Request<Incoming>, exchange: Exchange) -> Response<Body> {
        let Some((transport, id)) = split(request.uri().path()) else {
            // Boxed: large, and not on the way of sockets.
            return Box::pin(self.rest.handle(request, exchange)).await;
        };
        let cell = SocketId::key_of(id).and_then(|key| self.node.table.get(key));
        let Some(cell) = cell else {
            // Boxed: rare, and large.
            let id = id.to_owned();
            return Box::pin(self.serve_stranger(request, id)).await;
        };
        let mut params = Params::default();
        let read = params.read(request.uri().query().unwrap_or_default());
        let mut manner = Manner {
            callback: params.callback.take(),
            told: params.told(),
            origin: allowed_origin(request.headers().get(header::ORIGIN).cloned(), &cell),
        };
        let wrong = self.wrong_manner(transport, request.method(), &manner);
        if !self.node.config.jsonp {
            manner.callback = None;
        }
        if let Some(detail) = read.err().or(wrong) {
            return self.refuse(manner, Word::Bad, Some(detail));
        }
        if request.method() == Method::OPTIONS {
            return preflight("GET, POST", "content-type, last-event-id", manner.origin);
        }
        self.count(transport, &params, &manner);
        match transport {
            Transport::Send => send::serve(&self.node, &cell, params, manner, request).await,
            Transport::Poll => {
                drop(request);
                poll::serve(cell, &params, manner, exchange).await
            }
            Transport::Stream => stream::serve(&cell, &params, manner),
            Transport::Events => event_stream::serve(&cell, &params, request.headers(), manner),
            Transport::WebSocket => websocket::serve(&self.node, &cell, &params, manner, request),
        }
    }
}

impl<R> Front<R> {
    fn wrong_manner(&self, transport: Transport, method: &Method, manner: &Manner) -> Option<&'static str> {
        if manner.callback.is_some() && !self.node.config.jsonp {
            return Some("JSONP is switched off here");
        }
        match (transport, method) {
            (Transport::Send, &Method::GET) if manner.callback.is_none() => Some("`cb` is missing"),
            (
                Transport::Send | Transport::Poll | Transport::Stream,
                &Method::GET | &Method::POST | &Method::OPTIONS,
            )
            | (Transport::Events | Transport::WebSocket, &Method::GET | &Method::OPTIONS) => None,
            _ => Some("this method is not for this path"),
        }
    }

    fn refuse(&self, manner: Manner, word: Word, detail: Option<&str>) -> Response<Body> {
        self.node.metrics.refusals.with_label_values(&[word.as_str()]).inc();
        manner.refusal(word, detail).into_response()
    }

    fn count(&self, transport: Transport, params: &Params, manner: &Manner) {
        let receivers = &self.node.metrics.receivers;
        match transport {
            Transport::Send => return,
            Transport::Poll if manner.callback.is_some() => &receivers.jsonp,
            Transport::Poll => &receivers.poll,
            Transport::Stream => &receivers.stream,
            Transport::Events => &receivers.sse,
            Transport::WebSocket => &receivers.relay,
        }
        .inc();
        if let Some(why) = params.why {
            self.node.metrics.reasons.with_label_values(&[why]).inc();
        }
    }

    /// A socket that is not here: another node's, or nobody's.
    async fn serve_stranger(&self, request: Request<Incoming>, id: String) -> Response<Body> {
        let mut params = Params::default();
        let read = params.read(request.uri().query().unwrap_or_default());
        let told = params.told();
        let callback = params.callback.take().filter(|_| self.node.config.jsonp);
        let origin = request.headers().get(header::ORIGIN).cloned();
        let manner = Manner { callback, told, origin };
        if let Err(detail) = read {
            return self.refuse(manner, Word::Bad, Some(detail));
        }
        match forward::forward(&self.node, &id, request).await {
            Ok(response) => response,
            Err(word) => self.refuse(manner, word, None),
        }
    }
}

/// CORS: the page that created the socket, exactly; any page where that is not known.
fn allowed_origin(origin: Option<HeaderValue>, cell: &Cell) -> Option<HeaderValue> {
    origin.filter(|origin| cell.facts.page_origin.as_ref().is_none_or(|page| page == origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(split("/s/tom.x"), Some((Transport::Send, "tom.x")));
        assert_eq!(split("/r/tom/w/tom.x"), Some((Transport::WebSocket, "tom.x")));
        for path in ["/", "/s", "/create", "/z/x", "/r/tom", "/r/s/x", "s/x", "/r//", "//"] {
            assert_eq!(split(path), None, "{path}");
        }
    }
}
