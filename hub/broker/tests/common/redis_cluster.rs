//! Three primaries, and a replica of the first.

use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::{RedisServer, port_with_bus};

use super::ask::Ask;
use super::tls::Tls;

pub struct Cluster {
    pub nodes: Vec<RedisServer>,
    /// Where the nodes take TLS.
    tls_ports: Vec<u16>,
}

const OPTIONS: [&str; 8] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    "--repl-diskless-sync-delay",
    "0",
    "--cluster-replica-validity-factor",
    "0",
];

impl Cluster {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// With TLS the nodes speak it with each other too.
    pub async fn start_with(tls: Option<&Tls>) -> Self {
        let (mut nodes, mut tls_ports) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let mut options = OPTIONS.map(str::to_owned).to_vec();
            if let Some(tls) = tls {
                // The bus is at this port and 10,000.
                let port = port_with_bus().unwrap();
                tls_ports.push(port);
                options.extend(["--tls-cluster".to_owned(), "yes".to_owned()]);
                options.extend(tls.options(port));
            }
            nodes.push(RedisServer::with(&options).await.unwrap());
        }
        for (node, (first, last)) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")])
        {
            let _: String = node.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
        }
        let cluster = Self { nodes, tls_ports };
        let port = cluster.client_ports()[0];
        for node in &cluster.nodes[1..] {
            let (port, bus) = (port.to_string(), (port + 10_000).to_string());
            let _: String = node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        }
        for node in &cluster.nodes {
            eventually("the nodes know each other", async || {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
            })
            .await;
        }
        let first: String = cluster.nodes[0].ask(&["CLUSTER", "MYID"]).await;
        let _: String = cluster.nodes[3].ask(&["CLUSTER", "REPLICATE", &first]).await;
        eventually("the replica follows", async || {
            cluster.nodes[3].ask::<String>(&["INFO", "replication"]).await.contains("master_link_status:up")
        })
        .await;
        cluster
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls_ports.is_empty() { "redis" } else { "rediss" };
        let ports = self.client_ports();
        format!("{scheme}-cluster://127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1])
    }

    fn client_ports(&self) -> Vec<u16> {
        if self.tls_ports.is_empty() {
            self.nodes.iter().map(RedisServer::port).collect()
        } else {
            self.tls_ports.clone()
        }
    }
}
