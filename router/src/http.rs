//! A router's requests as they come from connections: which path is what.

use axum::routing::any;
use hyper::body::Incoming;
use polysocket_service::http::{Answering, Body, Exchange, Handler, PlainRequest, Routes};

use crate::router::Router;
use crate::{alive, create};

/// What a router serves, and `more` paths beside it.
///
/// A plain create is answered without axum and hyper: it is the first request of nearly every connection, which then
/// stays with no more than its socket.
#[derive(Clone)]
pub struct Front {
    router: Router,
    routes: Routes,
}

impl Front {
    /// The router's paths and those of `more`.
    pub fn new(router: &Router, more: axum::Router) -> Self {
        Self { router: router.clone(), routes: Routes::new(router.routes().merge(more)) }
    }
}

impl Router {
    /// Its paths: `/create` and `/alive/{socket}`. [`Front`] serves plain creates faster.
    pub fn routes(&self) -> axum::Router {
        // `any`, as axum serves HEAD by the handler of GET, and a HEAD must not open a socket.
        axum::Router::new()
            .route("/create", any(create::serve))
            .route("/alive/{socket}", any(alive::serve))
            .with_state(self.clone())
    }
}

impl Handler for Front {
    fn answer_plain(&self, request: &PlainRequest<'_>) -> Option<Answering> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        if path == "/create" { create::serve_plain(&self.router, query, request) } else { None }
    }

    async fn handle(&self, request: http::Request<Incoming>, exchange: Exchange) -> http::Response<Body> {
        self.routes.handle(request, exchange).await
    }
}
