//! The bridge that is measured, in this process, and its clients.

use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header, encode};
use polysocket_load::smallest::limits;
use polysocket_postgres::{Parts, Postgres, PostgresConfig, PostgresMetrics, Wire};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_service::metrics::Registry;
use polysocket_socket::SocketMetrics;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::Result;

const SECRET: &str = "a secret of this measurement alone, of 48 bytes.";
/// For its connections to the database.
const READY_WITHIN: Duration = Duration::from_secs(10);

pub type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A bridge in this process; where it listens.
pub async fn start(url: &str) -> Result<String> {
    let (life, registry) = (Lifecycle::new(), Registry::new());
    let config = PostgresConfig {
        url: url.to_owned(),
        wire: Wire::Seed,
        jwt_secret: Some(SECRET.to_owned()),
        ..PostgresConfig::default()
    };
    let postgres = Postgres::new(Parts {
        config,
        contends: false,
        socket_limits: limits(),
        socket_metrics: SocketMetrics::new(&registry),
        life: life.clone(),
        metrics: PostgresMetrics::new(&registry),
    })?;
    let bound = bind("127.0.0.1:0", None)?;
    let address = bound.address()?.to_string();
    let http = HttpMetrics::new(&registry);
    Server::new(Routes::new(postgres.routes()), HttpConfig::default(), life, http).serve(bound);
    let deadline = Instant::now() + READY_WITHIN;
    while let Err(why) = postgres.ready() {
        if Instant::now() > deadline {
            return Err(why.into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(address)
}

/// Where `name` reads (`r`) or writes (`w`) a channel.
pub fn path(name: &str, mode: &str, channel: &str) -> String {
    let claims = serde_json::json!({"mode": mode, "channel": channel, "sub": name});
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
    format!("/{}", token.unwrap_or_default())
}

/// A socket of who goes there.
pub async fn open(address: &str, path: &str) -> Result<Ws> {
    let (mut ws, _) = connect_async(format!("ws://{address}{path}")).await?;
    if let MaybeTlsStream::Plain(tcp) = ws.get_mut() {
        tcp.set_nodelay(true)?;
    }
    Ok(ws)
}
