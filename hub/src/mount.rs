//! A protocol on listeners of its own.

use http::{Request, Response};
use hyper::body::Incoming;
use polysocket_rocket::Rocket;
use polysocket_service::http::{Body, Exchange, Handler, Routes};

/// What serves a protocol's listeners.
#[derive(Clone)]
pub enum Mount {
    /// Rocket.
    Rocket(Rocket),
    /// One that is routes.
    Routes(Routes),
}

impl Mount {
    pub(crate) fn routes(routes: axum::Router) -> Self {
        Self::Routes(Routes::new(routes))
    }
}

impl Handler for Mount {
    async fn handle(&self, request: Request<Incoming>, exchange: Exchange) -> Response<Body> {
        match self {
            Self::Rocket(rocket) => rocket.handle(request, exchange).await,
            Self::Routes(routes) => routes.handle(request, exchange).await,
        }
    }
}
