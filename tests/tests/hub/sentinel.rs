//! A primary, a replica that can fall behind, and a Sentinel that promotes it.

use std::io;

use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub struct Sentinel {
    pub primary: RedisServer,
    /// The replica's way to the primary.
    way: JoinSet<()>,
    _replica: RedisServer,
    watch: RedisServer,
}

impl Sentinel {
    pub async fn start() -> Self {
        let primary = RedisServer::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = listener.local_addr().unwrap().port().to_string();
        let mut way = JoinSet::new();
        way.spawn(pass(listener, primary.port()));
        let options = ["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &through];
        let replica = RedisServer::with(&options).await.unwrap();
        eventually("the replica follows", async || {
            info(&replica, "replication").await.is_ok_and(|text| text.contains("master_link_status:up"))
        })
        .await;
        // For so long as the timeout Sentinel also lets a replica follow another address than the primary's.
        let configuration = format!(
            "sentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 60000\n",
            primary.port()
        );
        let watch = RedisServer::sentinel(&configuration).await.unwrap();
        eventually("Sentinel knows the replica", async || {
            info(&watch, "sentinel").await.is_ok_and(|text| text.contains("slaves=1"))
        })
        .await;
        Self { primary, way, _replica: replica, watch }
    }

    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/main", self.watch.port())
    }

    /// From now on the replica falls behind.
    pub async fn cut(&mut self) {
        self.way.shutdown().await;
    }
}

async fn pass(listener: TcpListener, to: u16) {
    let mut connections = JoinSet::new();
    while let Ok((mut here, _)) = listener.accept().await {
        connections.spawn(async move {
            let mut there = TcpStream::connect(("127.0.0.1", to)).await?;
            copy_bidirectional(&mut here, &mut there).await
        });
    }
}

/// A section of what a server tells of itself (an inline command, and a bulk string as its answer).
async fn info(server: &RedisServer, section: &str) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", server.port())).await?);
    stream.write_all(format!("INFO {section}\r\n").as_bytes()).await?;
    let mut length = String::new();
    stream.read_line(&mut length).await?;
    let length = length.trim().strip_prefix('$').and_then(|length| length.parse().ok());
    let mut text = vec![0; length.ok_or_else(|| io::Error::other("no bulk string"))?];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
