//! Which path is what. Both generations of the original's routes lead to the same.

use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use polysocket_service::http::Peer;
use tokio::time::timeout;

use crate::answer::{Refusal, Status, not_allowed, too_long};
use crate::gockets::Gockets;
use crate::query::key;
use crate::{admin, subscribe};

/// The administrative routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Prepare,
    List,
    Show,
    Publish,
    Edit,
    Hooks,
    Hook,
    RetryHook,
}

impl Route {
    fn methods(self) -> &'static str {
        match self {
            Self::Prepare | Self::RetryHook => "POST",
            Self::List | Self::Show | Self::Hooks => "GET",
            Self::Publish => "POST, DELETE",
            Self::Edit => "PATCH",
            Self::Hook => "GET, DELETE",
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.methods().split(", ").any(|known| known == method.as_str())
    }
}

impl Gockets {
    /// All of its paths, under `/channel`. What is none of them is the caller's.
    pub fn routes(&self) -> axum::Router {
        let administer = |route: Route| {
            any(move |State(gockets): State<Self>, params: RawPathParams, request: Request| async move {
                gockets.administer(route, &params, request).await
            })
        };
        // A key is 32 hexadecimal digits and so none of these words.
        axum::Router::new()
            .route("/channel/prepare", administer(Route::Prepare))
            .route("/channel", administer(Route::List))
            .route("/channel/{key}", administer(Route::Show))
            .route("/channel/show", administer(Route::List))
            .route("/channel/show/{key}", administer(Route::Show))
            .route("/channel/publish/{key}", administer(Route::Publish))
            .route("/channel/edit/{key}", administer(Route::Edit))
            .route("/channel/hooks", administer(Route::Hooks))
            .route("/channel/hooks/{key}", administer(Route::Hook))
            .route("/channel/hooks/{key}/retry", administer(Route::RetryHook))
            .route("/channel/subscribe/{key}", any(subscribe::serve))
            .with_state(self.clone())
    }

    /// Its paths, and the original's answer to all others: for a listener of its own.
    pub fn service(&self) -> axum::Router {
        self.routes().fallback(|| async { Status::no_endpoint().into_response() })
    }

    async fn administer(&self, route: Route, params: &RawPathParams, request: Request) -> Response {
        let response = match self.authorized(route, params, request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        self.count(&response);
        response
    }

    async fn authorized(
        &self,
        route: Route,
        params: &RawPathParams,
        request: Request,
    ) -> Result<Response, Refusal> {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
        if let Err(locked) = self.0.lock.judge(peer, request.uri(), request.headers()).await {
            tracing::warn!(?peer, %locked, "an administrative request was refused");
            return Err(Status::err(StatusCode::FORBIDDEN, "Unauthorized").into());
        }
        if !route.takes(request.method()) {
            return Ok(not_allowed(route.methods()));
        }
        let query = request.uri().query().unwrap_or_default().to_owned();
        let deletes = *request.method() == Method::DELETE;
        match route {
            Route::Prepare => admin::prepare(self, &self.options(request).await?).await,
            Route::List => admin::list(self, &query).await,
            Route::Hooks => Ok(admin::hooks(self)),
            _ => {
                let legacy = self.0.config.legacy_status;
                let key = key(params).ok_or_else(|| Status::no_publisher(legacy))?;
                let channel = self.0.channels.by_publisher(&key).await?;
                let channel = channel.ok_or_else(|| Status::no_publisher(legacy))?;
                match route {
                    Route::Show => admin::show(self, &channel).await,
                    Route::Publish if deletes => admin::delete(self, &channel).await,
                    Route::Publish => {
                        let max = self.0.config.message_bytes_max.as_usize();
                        let body = self.read(request, max).await?;
                        admin::publish(self, &channel, &query, body).await
                    }
                    Route::Edit => admin::edit(self, &channel, &self.options(request).await?).await,
                    Route::Hook if deletes => Ok(admin::drop_dead(self, &channel)),
                    Route::RetryHook => Ok(admin::retry_dead(self, &channel)),
                    _ => Ok(admin::hook(self, &channel)),
                }
            }
        }
    }

    async fn options(&self, request: Request) -> Result<Bytes, Refusal> {
        self.read(request, admin::OPTIONS_BYTES_MAX).await
    }

    async fn read(&self, request: Request<Body>, max: usize) -> Result<Bytes, Refusal> {
        let body = Limited::new(request.into_body(), max).collect();
        match timeout(self.0.body_timeout, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long(max).into()),
            Ok(Err(_)) => Err(Status::err(StatusCode::BAD_REQUEST, "Body broken off").into()),
            Err(_) => Err(Status::err(StatusCode::REQUEST_TIMEOUT, "Body not complete in time").into()),
        }
    }

    pub(crate) fn count(&self, response: &Response) {
        let outcome = match response.status() {
            StatusCode::FORBIDDEN => "unauthorized",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            status if status.is_server_error() => "error",
            status if status.is_client_error() => "refused",
            _ => "ok",
        };
        self.0.metrics.requests.with_label_values(&[outcome]).inc();
    }
}
