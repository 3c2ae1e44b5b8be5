//! A protocol on listeners of its own.

use http::{Request, Response};
use hyper::body::Incoming;
use polysocket_rocket::Rocket;
use polysocket_service::http::{Body, Exchange, Handler, Routes};

/// Below this are pages.
const PAGES: &str = "/pages/";

/// What serves a protocol's listeners.
#[derive(Clone)]
pub enum Mount {
    /// Rocket, and pages where there are any.
    Rocket(Rocket, Option<Routes>),
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
            // First, as a hub at `/` would take all paths.
            Self::Rocket(_, Some(pages)) if request.uri().path().starts_with(PAGES) => {
                pages.handle(request, exchange).await
            }
            Self::Rocket(rocket, _) => rocket.handle(request, exchange).await,
            Self::Routes(routes) => routes.handle(request, exchange).await,
        }
    }
}
