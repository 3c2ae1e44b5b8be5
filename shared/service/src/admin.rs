//! The admin listener: `/healthz`, `/readyz`, `/metrics`. Bound to loopback unless told otherwise: it tells
//! strangers nothing that is secret, but more than they need.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use polysocket_config::section;
use prometheus::Registry;
use tokio::net::TcpListener;

use crate::{Lifecycle, metrics};

section! {
    /// The listener for operators: `/healthz`, `/readyz` and `/metrics`.
    pub struct AdminConfig = "admin" {
        /// Where it listens; empty: nowhere.
        listen: String = "127.0.0.1:9600".into(),
    }
}

/// Says whether the process can do its work now, or why not.
pub type Ready = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Serves until the process stops.
pub fn serve(listener: TcpListener, life: &Lifecycle, registry: Registry, ready: Ready) {
    let draining = life.clone();
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let (ready, draining) = (ready.clone(), draining.clone());
                async move {
                    if draining.is_draining() {
                        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
                    }
                    match ready().await {
                        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
                    }
                }
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::render(&registry))
                    .into_response()
            }),
        );
    let life_of_server = life.clone();
    life.spawn(async move {
        let stop = async move { life_of_server.stopping().await };
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stop).await {
            tracing::error!(%error, "the admin listener ended");
        }
    });
}
