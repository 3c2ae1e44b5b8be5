//! `polysocket pogo`.

use polysocket_hub::Protocol;
use polysocket_outbound::Target;

use super::hub;
use crate::args::Pogo;
use crate::assembly::{policy, run_with};
use crate::config;
use crate::error::Failure;

/// Serves one REST API.
pub fn run(flags: &Pogo) -> Result<(), Failure> {
    let mut config = config::read(&flags.common, Vec::new())?;
    config.hub.protocols = vec![Protocol::Pogo.name().to_owned()];
    if let Some(upstream) = &flags.upstream {
        config.pogo.upstream = Some(upstream.clone());
        // Whoever starts this names the API: what `targets` refuses by default is allowed for it.
        if let Ok(target) = Target::parse_http(upstream) {
            config.targets.allow.push(target.origin().to_owned());
            config.targets.allow_private.push(target.origin().to_owned());
        }
    }
    if let Some(listen) = &flags.listen {
        config.pogo.listen = vec![listen.clone()];
        config.pogo.tls_listen = Vec::new();
    }
    if flags.common.config.is_none() {
        config.admin.listen = String::new();
    }
    run_with(&config.clone(), || async {
        let policy = policy(&config)?;
        hub::serve(config, policy).await
    })
}
