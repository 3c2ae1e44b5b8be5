//! `polysocket hub`.

use std::sync::Arc;

use polysocket_hub::{Hub, HubError, Listeners, Parts, Protocol, Sections};
use polysocket_outbound::Policy;
use polysocket_service::admin;
use polysocket_service::lifecycle::stop_signal;
use polysocket_tokens::Keyring;

use crate::args::Common;
use crate::assembly::{Process, dialer, policy, run_with};
use crate::config::{self, Config};
use crate::error::Failure;
use crate::open_files;

/// Runs until it is told to stop.
pub fn run(flags: &Common) -> Result<(), Failure> {
    let config = config::read(flags, Vec::new())?;
    run_with(&config.clone(), || async {
        let policy = policy(&config)?;
        serve(config, policy).await
    })
}

/// Serves the protocols of `hub.protocols` on their listeners; hooks lead where `policy` allows.
pub(super) fn serve(config: Config, policy: Policy) -> impl Future<Output = Result<(), Failure>> {
    // On the heap, as it has all sections in it.
    Box::pin(run_hub(config, policy))
}

async fn run_hub(config: Config, policy: Policy) -> Result<(), Failure> {
    open_files::raise(0);
    let within = config.hub.drain_timeout.as_duration();
    let process = Process::new(config);
    let sections = process.config.hub_sections();
    let mut listeners = Listeners::bind(&sections).map_err(failure)?;
    let hub = open_hub(&process, sections, policy, listeners.ports(Protocol::Gockets)).await?;
    for (protocol, mount) in hub.mounts() {
        process.serve(&format!("{} ", protocol.name()), mount, listeners.take(protocol));
    }
    let hub = Arc::new(hub);
    let asked = hub.clone();
    let ready: admin::Ready = Arc::new(move || {
        let hub = asked.clone();
        Box::pin(async move { hub.ready().await })
    });
    process.administer(ready).await?;
    let ended = tokio::select! {
        () = stop_signal() => Ok(()),
        why = hub.given_up() => Err(Failure::Start(format!("postgres: {why}"))),
    };
    tracing::info!("stopping");
    process.finish(within).await;
    hub.stop().await;
    ended
}

/// Makes the hub of a process.
pub(super) async fn open_hub(
    process: &Process,
    sections: Sections,
    policy: Policy,
    ports: Vec<u16>,
) -> Result<Hub, Failure> {
    let config = &process.config;
    let keyring = if config.auth.is_open() { None } else { Some(Arc::new(Keyring::new(&config.auth)?)) };
    let parts = Parts {
        sections,
        keyring,
        dialer: Arc::new(dialer(policy, config)?),
        body_timeout: config.http.body_timeout.as_duration(),
        ports,
        life: process.life.clone(),
        metrics: &process.metrics,
    };
    Hub::open(parts).await.map_err(failure)
}

fn failure(error: HubError) -> Failure {
    match error {
        HubError::Config(error) => error.into(),
        other => Failure::Start(other.to_string()),
    }
}
