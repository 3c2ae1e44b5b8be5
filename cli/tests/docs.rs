//! The generated pages of `docs` say what the code declares. `UPDATE_DOCS=1 cargo test -p polysocket --test docs`
//! writes them anew.

use std::path::Path;

use polysocket::config::Config;
use polysocket_broker::BrokerMetrics;
use polysocket_config::describe;
use polysocket_gockets::GocketsMetrics;
use polysocket_hub::BridgeMetrics;
use polysocket_pogo::PogoMetrics;
use polysocket_postgres::PostgresMetrics;
use polysocket_relayd::RelayMetrics;
use polysocket_rocket::RocketMetrics;
use polysocket_router::RouterMetrics;
use polysocket_service::http::HttpMetrics;
use polysocket_service::metrics;
use polysocket_socket::SocketMetrics;

const METRICS_INTRODUCTION: &str = "# Metrics

This page is generated from the metrics as the code registers them; `/metrics` of the admin listener (`admin.listen`) serves them.
A process has those of its parts: `polysocket_router_*`; `polysocket_relay_*`; of a hub `polysocket_broker_*`, `polysocket_socket_*` and those of its protocols; and `polysocket_http_*` of its listeners. `dev` has all.

";

fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, generated).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let first = generated.lines().zip(found.lines()).find(|(generated, found)| generated != found);
    assert!(
        found == generated,
        "docs/{name} is not what the code declares; run `UPDATE_DOCS=1 cargo test -p polysocket --test docs`. \
         The first line that differs: {first:?}"
    );
}

#[test]
fn the_configuration_is_described() {
    compare("CONFIG.md", &describe::markdown::<Config>());
}

#[test]
fn the_metrics_are_described() {
    let registry = prometheus::Registry::new();
    let _ = (RouterMetrics::new(&registry), RelayMetrics::new(&registry), HttpMetrics::new(&registry));
    let _ = (BrokerMetrics::new(&registry), SocketMetrics::new(&registry));
    let _ = (RocketMetrics::new(&registry), GocketsMetrics::new(&registry));
    let _ = (PogoMetrics::new(&registry), PostgresMetrics::new(&registry), BridgeMetrics::new(&registry));
    let table = metrics::describe(&registry);
    for part in
        ["router", "relay", "http", "broker", "socket", "rocket", "gockets", "pogo", "postgres", "hub"]
    {
        assert!(table.contains(&format!("polysocket_{part}_")), "{part} is missing");
    }
    compare("METRICS.md", &(METRICS_INTRODUCTION.to_owned() + &table));
}
