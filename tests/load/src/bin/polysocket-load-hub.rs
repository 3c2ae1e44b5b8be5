//! The hub's connections and its broker with the smallest protocol there is, for `polysocket-load fanout`.
//!
//! `polysocket-load-hub HOST:PORT`; it serves until it is killed.

use std::process::ExitCode;

use polysocket_load::smallest::Smallest;
use polysocket_service::Lifecycle;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(listen) = std::env::args().nth(1) else {
        eprintln!("usage: polysocket-load-hub HOST:PORT");
        return ExitCode::from(64);
    };
    let life = Lifecycle::new();
    match Smallest::serve(&listen, life.clone()).await {
        Ok(_) => {
            life.stopping().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("polysocket-load-hub: {error}");
            ExitCode::FAILURE
        }
    }
}
