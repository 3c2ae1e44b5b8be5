//! `polysocket router`.

use polysocket_router::Front;
use polysocket_service::http::{bind_all, client_routes};
use polysocket_service::lifecycle::stop_signal;

use crate::args::Common;
use crate::assembly::{Process, Shared, keyring, policy, run_with};
use crate::config::{self, Config};
use crate::error::Failure;
use crate::open_files;

/// Runs until it is told to stop.
pub fn run(flags: &Common) -> Result<(), Failure> {
    let config = config::read(flags, Vec::new())?;
    run_with(&config.clone(), || serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    let keyring = keyring(&config)?;
    let policy = policy(&config)?;
    let section = &config.router;
    let (certificate, private) = (section.tls_certificate.as_deref(), section.tls_private.as_deref());
    let bound =
        bind_all(&section.listen, &section.tls_listen, certificate, private).map_err(Failure::Start)?;
    if keyring.is_none() {
        tracing::warn!("router.anonymous is on: anybody may use this router");
    }
    open_files::raise(0);
    let within = section.drain_timeout.as_duration();
    let process = Process::new(config);
    let shared = Shared::open(&process.config).await?;
    let router = process.router(&shared, keyring, policy);
    process.serve("", Front::new(&router, client_routes(&process.life)), bound);
    process.administer(shared.ready()).await?;
    stop_signal().await;
    // A create that has begun is finished, within router.drain_timeout.
    tracing::info!("stopping");
    process.finish(within).await;
    Ok(())
}
