//! The registry of many processes, on one Redis (6 or later, for RESP3).
//!
//! One connection per process carries commands and subscriptions. [`keeper`] keeps it, [`connection`] bounds every
//! command, [`switchboard`] hands out what comes in, [`answer`] sends what goes out; [`keys`] and [`wire`] say
//! what another program would see.

mod answer;
mod ask;
mod connection;
mod keeper;
mod keys;
mod leases;
mod scripts;
mod switchboard;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, cmd};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::answer::{Answers, Notices};
use self::connection::Connection;
use self::keeper::Keeper;
use self::keys::Keys;
use self::switchboard::Switchboard;
use crate::stats::Counters;
use crate::{
    Admission, AskError, Asks, Claim, Establish, NodeLease, Outcome, Registry, RegistryConfig, RegistryError,
    SocketLease, Stats, Verdict,
};

/// A registry on Redis. Dropping it stops its tasks, ends every [`Asks`] and closes the connection.
pub struct RedisRegistry {
    keys: Keys,
    lease_time_ms: u64,
    socket_lease_time_ms: u64,
    connection: Arc<Connection>,
    switchboard: Arc<Switchboard>,
    notices: Notices,
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl RedisRegistry {
    /// Starts to connect, and waits for it for `registry.command_timeout`; goes on in the background.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] when `registry.url` is not one.
    pub async fn open(config: &RegistryConfig) -> Result<Self, RegistryError> {
        let (client, at) = client(&config.url)?;
        let mut process = [0; 16];
        getrandom::fill(&mut process)
            .map_err(|error| RegistryError::Invalid(format!("the system gives no randomness: {error}")))?;
        let keys = Keys::new(&config.prefix);
        let counters: Arc<Counters> = Arc::default();
        let connection = Arc::new(Connection::new(at, config.command_timeout.as_duration()));
        let (notices, postman) = Notices::new(counters.clone());
        let answers = Answers { connection: connection.clone(), notices: notices.clone() };
        let replies = keys.replies(u128::from_ne_bytes(process));
        let switchboard = Arc::new(Switchboard::new(replies, keys.clone(), answers, counters.clone()));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(postman.run(connection.clone(), stop.clone()));
        tasks.spawn(
            Keeper {
                client,
                connection: connection.clone(),
                switchboard: switchboard.clone(),
                stop: stop.clone(),
            }
            .run(),
        );
        let registry = Self {
            keys,
            lease_time_ms: config.lease_time.as_millis(),
            socket_lease_time_ms: config.socket_lease_time.as_millis(),
            connection,
            switchboard,
            notices,
            counters,
            stop,
            tasks,
        };
        if let Err(error) = registry.ping().await {
            tracing::warn!(%error, "starting without the registry; trying on");
        }
        Ok(registry)
    }
}

impl Drop for RedisRegistry {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

/// A client for `registry.url`, and how errors name its server: without user, password and database.
pub(crate) fn client(url: &str) -> Result<(Client, String), RegistryError> {
    // No word of the cause: it may repeat the URL.
    let invalid =
        || RegistryError::Invalid("registry.url must be `memory`, redis:// or rediss://".to_owned());
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("redis" | "rediss")) {
        return Err(invalid());
    }
    let info = url.into_connection_info().map_err(|_| invalid())?;
    let at = match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}"),
        ConnectionAddr::TcpTls { host, port, .. } => {
            provide_crypto();
            format!("rediss://{host}:{port}")
        }
        _ => return Err(invalid()),
    };
    // Messages are small and somebody waits for each.
    let tcp = TcpSettings::default().set_nodelay(true);
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(redis)).map_err(|_| invalid())?;
    Ok((client, at))
}

/// The client takes the process's default provider and panics when it finds none, or several.
fn provide_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

#[async_trait]
impl Registry for RedisRegistry {
    async fn announce(&self, lease: &NodeLease) -> Result<(), RegistryError> {
        self.write_lease(lease).await
    }

    async fn withdraw(&self, node: &str, boot: u64) -> Result<(), RegistryError> {
        self.remove_lease(node, boot).await
    }

    async fn nodes(&self) -> Result<Vec<NodeLease>, RegistryError> {
        self.read_leases().await
    }

    async fn ask(
        &self,
        node: &str,
        boot: u64,
        establish: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError> {
        self.ask_channel(node, boot, establish, wait).await
    }

    async fn serve(&self, node: &str, boot: u64) -> Result<Asks, RegistryError> {
        self.serve_channel(node, boot).await
    }

    async fn claim(&self, nonce: &str, claim: &Claim, ttl: Duration) -> Result<Claim, RegistryError> {
        self.write_claim(nonce, None, claim, ttl).await
    }

    async fn reclaim(
        &self,
        nonce: &str,
        stale: &Claim,
        claim: &Claim,
        ttl: Duration,
    ) -> Result<Claim, RegistryError> {
        self.write_claim(nonce, Some(stale), claim, ttl).await
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict, RegistryError> {
        self.judge(admission).await
    }

    async fn renew(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        self.renew_sockets(leases).await
    }

    async fn release(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        self.release_sockets(leases).await
    }

    async fn ping(&self) -> Result<(), RegistryError> {
        self.connection
            .run(|mut connection| async move { cmd("PING").exec_async(&mut connection).await })
            .await
    }

    fn stats(&self) -> Stats {
        Stats {
            reachable: self.connection.is_up(),
            connects: self.counters.connects.get(),
            asks_waiting: self.switchboard.asks_waiting() as u64,
            asks_refused: self.counters.asks_refused.get(),
            notices_dropped: self.counters.notices_dropped.get(),
            messages_ignored: self.counters.messages_ignored.get(),
        }
    }
}
