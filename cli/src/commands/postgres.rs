//! `polysocket postgres`: the drop-in for postgres-websockets.

use polysocket_hub::Protocol;
use polysocket_postgres::PostgresConfig;

use super::hub;
use crate::assembly::{policy, run_with};
use crate::config::Config;
use crate::error::Failure;

/// Serves what the `PGWS_*` variables of the environment say.
pub fn run() -> Result<(), Failure> {
    let postgres = PostgresConfig::from_pgws(|name| std::env::var(name).ok())?;
    let mut config = Config { postgres, ..Config::default() };
    config.hub.protocols = vec![Protocol::Postgres.name().to_owned()];
    config.admin.listen = String::new();
    run_with(&config.clone(), || async {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for variable in PostgresConfig::unknown_pgws(names) {
            tracing::warn!(variable, "this variable is not known, and of no effect");
        }
        let policy = policy(&config)?;
        hub::serve(config, policy).await
    })
}
