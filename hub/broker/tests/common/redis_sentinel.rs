//! A primary, a replica and a Sentinel.

use super::eventually;
use super::redis_server::RedisServer;

pub struct Sentinel {
    pub primary: RedisServer,
    pub replica: RedisServer,
    watch: RedisServer,
}

impl Sentinel {
    pub async fn start() -> Self {
        let primary = RedisServer::start().await;
        let port = primary.port.to_string();
        let replica = RedisServer::with(&[
            "--save",
            "",
            "--repl-diskless-sync-delay",
            "0",
            "--replicaof",
            "127.0.0.1",
            &port,
        ])
        .await;
        eventually("the replica follows", async || {
            replica.ask::<String>(&["INFO", "replication"]).await.contains("master_link_status:up")
        })
        .await;
        let sentinel = RedisServer::sentinel(&format!(
            "sentinel monitor main 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 2000\n"
        ))
        .await;
        eventually("Sentinel knows the replica", async || {
            sentinel.ask::<String>(&["INFO", "sentinel"]).await.contains("slaves=1")
        })
        .await;
        Self { primary, replica, watch: sentinel }
    }

    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/main", self.watch.port)
    }

    /// Until the replica has everything.
    pub async fn replicated(&self) {
        let confirmed: u64 = self.primary.ask(&["WAIT", "1", "5000"]).await;
        assert_eq!(confirmed, 1);
    }
}
