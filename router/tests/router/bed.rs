//! A router, and requests to it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use polysocket_outbound::{Policy, TargetsConfig};
use polysocket_registry::{MemoryRegistry, Registry, RegistryConfig};
use polysocket_router::{ClientLimits, Parts, Router, RouterConfig, RouterMetrics};
use polysocket_service::Lifecycle;
use polysocket_service::cluster::{ClusterConfig, ClusterKey};
use serde_json::Value;
use tower::ServiceExt;

/// A create that is in order; tests add to it.
pub const CREATE: &str = "/create?target=ws://target.example/chat?q";
/// The same with `v=1`.
pub const CREATE_V1: &str = "/create?v=1&target=ws://target.example/chat?q";

pub struct Bed {
    pub registry: Arc<dyn Registry>,
    pub app: axum::Router,
    pub life: Lifecycle,
    metrics: prometheus::Registry,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

pub fn cluster_key() -> ClusterKey {
    ClusterKey::new(&ClusterConfig { secret: Some("for tests only: thirty-two bytes or more".to_owned()) })
}

pub fn memory() -> Arc<dyn Registry> {
    Arc::new(MemoryRegistry::new(&RegistryConfig::default()))
}

impl Bed {
    /// A router as it is by default, open to everybody, on an empty registry.
    pub fn open() -> Self {
        Self::with(memory(), |_| ())
    }

    pub fn with(registry: Arc<dyn Registry>, change: impl FnOnce(&mut Parts)) -> Self {
        let (metrics, life) = (prometheus::Registry::new(), Lifecycle::new());
        let mut parts = Parts {
            config: RouterConfig::default(),
            registry: registry.clone(),
            keyring: None,
            policy: Policy::new(&TargetsConfig::default()).unwrap(),
            key: cluster_key(),
            life: life.clone(),
            metrics: RouterMetrics::new(&metrics),
            limits: ClientLimits {
                idle_ms: 30_000,
                message_bytes_max: 4_194_304,
                url_bytes_max: 8192,
                jsonp: true,
            },
        };
        change(&mut parts);
        Self { registry, app: Router::new(parts).routes(), life, metrics }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn get_from(&self, path: &str, header: &str, page: &str) -> Answer {
        self.send(Request::get(path).header(header, page).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).header("content-type", "text/plain").body(body.into()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(self.app.clone(), request).await
    }

    /// The value of a metric, by its name and the label's value.
    pub fn metric(&self, name: &str, label: &str) -> i64 {
        let families = self.metrics.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let metric = family
            .get_metric()
            .iter()
            .find(|metric| metric.get_label().iter().all(|pair| pair.value() == label));
        let metric = metric.unwrap();
        #[allow(clippy::cast_possible_truncation, reason = "they are whole and small")]
        let value = (metric.get_counter().get_value() + metric.get_gauge().get_value()) as i64;
        value
    }

    /// How many creates ended so.
    pub fn creates(&self, outcome: &str) -> i64 {
        self.metric("polysocket_router_creates_total", outcome)
    }
}

pub async fn send(app: axum::Router, request: Request<Body>) -> Answer {
    let response = app.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn socket(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()["socket"].as_str().unwrap().to_owned()
    }

    /// Checks that it is a refusal in JSON with this word, everywhere it is said.
    #[track_caller]
    pub fn refused(&self, word: &str) {
        let status = polysocket_protocol::Word::from_str(word).unwrap().status();
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/json");
        let json = self.json();
        assert_eq!(json["ok"], false);
        assert!(json["error"].as_str().unwrap().starts_with(&format!("{word}: ")), "{}", self.body);
        assert!(json.get("code").is_none_or(|code| code == word), "{}", self.body);
    }
}

/// Lets time pass, and all that is due until then happen. The clock of these tests is paused, so that it takes none.
pub async fn time_passes(time: Duration) {
    tokio::time::sleep(time).await;
}
