//! An axum router as a handler.

use ::http::{Request, Response};
use axum::Router;
use hyper::body::Incoming;
use tower::ServiceExt;

use super::{Body, Exchange, Handler};

/// Serves an axum router; the peer is a request extension ([`Peer`](super::Peer)).
#[derive(Clone)]
pub struct Routes(Router);

impl Routes {
    /// As a handler.
    pub fn new(router: Router) -> Self {
        Self(router)
    }
}

impl Handler for Routes {
    async fn handle(&self, mut request: Request<Incoming>, exchange: Exchange) -> Response<Body> {
        request.extensions_mut().insert(exchange.peer());
        let Ok(response) = self.0.clone().oneshot(request.map(axum::body::Body::new)).await;
        response.map(Body::Stream)
    }
}
