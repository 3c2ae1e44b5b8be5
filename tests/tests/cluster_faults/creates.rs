//! Creates, held ones, which need a relay and no target.

use std::time::Duration;

use polysocket_tests::client::{Create, CreateError, Dialer, HttpClient, create};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::node_of;

/// One create and how long it took.
#[derive(Debug)]
pub struct Done {
    /// The node of the socket, or why there is none.
    pub result: Result<String, CreateError>,
    pub took: Duration,
}

/// A held create at a router, on a connection of its own and without a nonce: it is tried once.
pub async fn once(router: &str) -> Done {
    let wish =
        Create { router: router.into(), target: "ws://127.0.0.1:1/".into(), hold: true, ..Create::default() };
    wished(&HttpClient::new(Dialer::direct()), &wish).await
}

/// Any create.
pub async fn wished(http: &HttpClient, wish: &Create) -> Done {
    let begun = Instant::now();
    let result = create(http, wish).await.map(|created| node_of(&created.socket));
    Done { result, took: begun.elapsed() }
}

/// So many, spread over these routers, some at a time. All must succeed; gives the nodes.
pub async fn many(routers: &[String], count: usize, at_once: usize) -> Result<Vec<String>, String> {
    let mut under_way = JoinSet::new();
    let mut nodes = Vec::with_capacity(count);
    for n in 0..count + at_once {
        if n >= at_once {
            let Some(done) = under_way.join_next().await else { break };
            let done: Done = done.map_err(|e| e.to_string())?;
            nodes.push(done.result.map_err(|e| format!("create {} of {count}: {e}", nodes.len() + 1))?);
        }
        if n < count {
            let router = routers[n % routers.len()].clone();
            under_way.spawn(async move { once(&router).await });
        }
    }
    Ok(nodes)
}
