//! Three primaries, and a replica of the first.

use super::eventually;
use super::redis_server::RedisServer;

pub struct Cluster {
    pub nodes: Vec<RedisServer>,
}

const OPTIONS: &[&str] = &[
    "--save",
    "",
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
        let mut nodes = Vec::new();
        for _ in 0..4 {
            nodes.push(RedisServer::with(OPTIONS).await);
        }
        for (node, (first, last)) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")])
        {
            let _: String = node.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
        }
        for node in &nodes[1..] {
            let port = nodes[0].port.to_string();
            let _: String = node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port]).await;
        }
        let cluster = Self { nodes };
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
        format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}", self.nodes[0].port, self.nodes[1].port)
    }
}
