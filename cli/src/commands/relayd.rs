//! `polysocket relayd`.

use polysocket_relayd::Front;
use polysocket_service::http::{Routes, bind_all, client_routes};
use polysocket_service::lifecycle::stop_signal;

use crate::args::Common;
use crate::assembly::{CLOSING, Process, Shared, among_others, policy, run_with};
use crate::config::{self, Config};
use crate::error::Failure;
use crate::open_files::{self, FILES_PER_SESSION};

/// Runs until it is told to stop, and then leaves in order.
pub fn run(flags: &Common) -> Result<(), Failure> {
    let config = config::read(flags, Vec::new())?;
    run_with(&config.clone(), || serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let policy = policy(&config)?;
    among_others(&config)?;
    let section = &config.relayd;
    let (certificate, private) = (section.tls_certificate.as_deref(), section.tls_private.as_deref());
    let bound =
        bind_all(&section.listen, &section.tls_listen, certificate, private).map_err(Failure::Start)?;
    let listening = bound.first().and_then(|first| first.address().ok());
    let listening = listening.ok_or_else(|| Failure::Start("relayd listens nowhere".into()))?;
    if config.cluster.secret.is_none() && config.registry.url != "memory" {
        tracing::warn!(
            "cluster.secret is not set: routers and other nodes cannot tell this node's socket ids from junk"
        );
    }
    open_files::raise(u64::from(section.sessions_max) * FILES_PER_SESSION);
    let process = Process::new(config);
    let shared = Shared::open(&process.config).await?;
    let relay = process.relay(&shared, policy, listening)?;
    process.serve("", Front::new(&relay, Routes::new(client_routes(&process.life))), bound);
    process.administer(shared.ready()).await?;
    stop_signal().await;
    relay.drain().await;
    process.finish(CLOSING).await;
    Ok(())
}
