//! A primary, a replica and a Sentinel.

use std::fmt::Write;

use polysocket_tests::patience::eventually;
use polysocket_tests::ports::free_port;
use polysocket_tests::redis_server::RedisServer;

use super::ask::Ask;
use super::tls::Tls;

const NO_DELAY: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

pub struct Sentinel {
    pub primary: RedisServer,
    pub replica: RedisServer,
    watch: RedisServer,
    /// Where the Sentinel takes TLS.
    tls_port: Option<u16>,
}

impl Sentinel {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// With TLS the servers speak it with each other too.
    pub async fn start_with(tls: Option<&Tls>) -> Self {
        let tls = tls.map(|tls| (tls, [(); 3].map(|()| free_port().unwrap())));
        let options = |server: usize, more: &[&str]| -> Vec<String> {
            let tls = tls.map_or_else(Vec::new, |(tls, ports)| tls.options(ports[server]));
            tls.into_iter().chain(more.iter().map(|&option| option.to_owned())).collect()
        };
        let primary = RedisServer::with(&options(0, &NO_DELAY)).await.unwrap();
        // Where others reach it.
        let port = tls.map_or(primary.port(), |(_, ports)| ports[0]).to_string();
        let follows = [&NO_DELAY[..], &["--replicaof", "127.0.0.1", &port]].concat();
        let replica = RedisServer::with(&options(1, &follows)).await.unwrap();
        eventually("the replica follows", async || {
            replica.ask::<String>(&["INFO", "replication"]).await.contains("master_link_status:up")
        })
        .await;
        let mut configuration = format!(
            "sentinel monitor main 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 2000\n"
        );
        for (name, value) in tls.map_or_else(Vec::new, |(tls, ports)| tls.settings(ports[2])) {
            writeln!(configuration, "{name} {value}").unwrap();
        }
        let watch = RedisServer::sentinel(&configuration).await.unwrap();
        eventually("Sentinel knows the replica", async || {
            watch.ask::<String>(&["INFO", "sentinel"]).await.contains("slaves=1")
        })
        .await;
        Self { primary, replica, watch, tls_port: tls.map(|(_, ports)| ports[2]) }
    }

    pub fn url(&self) -> String {
        match self.tls_port {
            Some(port) => format!("rediss-sentinel://127.0.0.1:{port}/main"),
            None => format!("redis-sentinel://127.0.0.1:{}/main", self.watch.port()),
        }
    }

    /// Until the replica has everything that was written so far. `WAIT` says nothing of that: it looks at what its own
    /// connection has written.
    pub async fn replicated(&self) {
        let written = offset(&self.primary).await;
        eventually("the replica has everything", async || offset(&self.replica).await >= written).await;
    }
}

/// How far a server's data go in the stream of its primary.
async fn offset(server: &RedisServer) -> u64 {
    let info: String = server.ask(&["INFO", "replication"]).await;
    let value = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
    value.unwrap().trim().parse().unwrap()
}
