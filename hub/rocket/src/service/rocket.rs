//! The door: handshakes, and the hub of each path.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use polysocket_broker::Broker;
use polysocket_config::ConfigError;
use polysocket_service::Lifecycle;
use polysocket_service::http::{Body, Exchange, Handler};
use polysocket_socket::Sockets;
use polysocket_tokens::Keyring;

use super::client::Client;
use super::hub::{Hub, Node};
use super::metrics::RocketMetrics;
use super::mux::{Mux, Way};
use crate::access::HashChecks;
use crate::settings::RocketConfig;

/// What it is made of.
pub struct Parts {
    /// The section `[rocket]`, or what stands for it.
    pub config: RocketConfig,
    /// Where its channels live.
    pub broker: Broker,
    /// Its connections.
    pub sockets: Sockets,
    /// As much as may be queued for a connection (`socket.queue_bytes_max`) may be held back while it is answered.
    pub queue_bytes_max: usize,
    /// Keys for hubs with `jwt`.
    pub keyring: Option<Arc<Keyring>>,
    /// The phases of the process.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: RocketMetrics,
}

/// All hubs of a mount. Cheap to clone.
#[derive(Clone)]
pub struct Rocket(Arc<Inner>);

struct Inner {
    mux: Mux,
    hubs: Vec<Arc<Hub>>,
    sockets: Sockets,
}

impl Rocket {
    /// Makes the hubs; nothing is bound yet. Warns of what is open to anybody.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { config, broker, sockets, queue_bytes_max, keyring, life, metrics } = parts;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let checks = HashChecks::new(config.hash_checks_at_once_max, config.hash_check_timeout.as_duration());
        let mux = Mux::new(config.hubs.iter().map(|hub| hub.path.clone()));
        let node = Arc::new(Node {
            config,
            broker,
            keyring,
            life,
            metrics,
            checks,
            held_bytes_max: queue_bytes_max,
        });
        let hubs = (0..node.config.hubs.len()).map(|index| Hub::new(index, node.clone()).map(Arc::new));
        let hubs = hubs.collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Inner { mux, hubs, sockets })))
    }

    /// Answers a request for one of its paths; none for any other. The request must have come by a listener of
    /// `polysocket_service`.
    pub fn respond<B>(&self, request: &mut Request<B>) -> Option<Response<Body>> {
        let path: Cow<'_, str> = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
        let hub = match self.0.mux.find(&path) {
            Way::Hub(index) => self.0.hubs[index].clone(),
            Way::Moved(path) => return Some(moved(&path, request.uri().query())),
            Way::Nowhere => return None,
        };
        let origin = request.headers().get(header::ORIGIN);
        if !hub.admits(origin.map(HeaderValue::as_bytes)) {
            hub.node.metrics.wrong_origin.inc();
            return Some(text(StatusCode::FORBIDDEN, "pages of this origin may not connect here\n".into()));
        }
        let origin: Option<Box<str>> =
            origin.and_then(|origin| origin.to_str().ok()).filter(|_| hub.needs_origin()).map(Into::into);
        let accepted = self.0.sockets.accept(request, move |sender| Client::new(hub, sender, origin));
        Some(match accepted {
            Ok(response) => response.map(|()| Body::empty()),
            Err(refusal) => {
                let mut response = text(refusal.status(), format!("{refusal}\n"));
                if refusal.status() == StatusCode::UPGRADE_REQUIRED {
                    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                }
                response
            }
        })
    }

    /// The same as an axum router, to be merged with others or to fall back to.
    pub fn routes(&self) -> Router {
        let rocket = self.clone();
        Router::new().fallback(move |mut request: Request<axum::body::Body>| {
            let answer = rocket.respond(&mut request).unwrap_or_else(not_found);
            std::future::ready(answer.map(axum::body::Body::new))
        })
    }
}

impl Handler for Rocket {
    async fn handle(&self, mut request: Request<Incoming>, _exchange: Exchange) -> Response<Body> {
        self.respond(&mut request).unwrap_or_else(not_found)
    }
}

fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "there is no hub at this path\n".into())
}

fn text(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn moved(path: &str, query: Option<&str>) -> Response<Body> {
    // Only what must be is encoded again; the rest a path may have as it is.
    const UNSAFE: &percent_encoding::AsciiSet =
        &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?');
    let mut place = percent_encoding::utf8_percent_encode(path, UNSAFE).to_string();
    if let Some(query) = query {
        place.push('?');
        place.push_str(query);
    }
    let mut response = text(StatusCode::MOVED_PERMANENTLY, String::new());
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}
