//! `polysocket check-config`.

use std::sync::Arc;

use clap::ValueEnum;
use polysocket_config::{ConfigError, Problem, describe};
use polysocket_hub::{Hub, HubError, Parts, Protocol};
use polysocket_outbound::Dialer;
use polysocket_service::Lifecycle;
use polysocket_service::tls::Certificate;
use polysocket_tokens::Keyring;

use crate::args::{CheckConfig, Part};
use crate::assembly::{among_others, dialer, keyring, policy, problem};
use crate::config::{self, Config};
use crate::error::Failure;

/// Prints, or checks without starting anything: also files that the configuration names are read.
pub fn run(flags: &CheckConfig) -> Result<(), Failure> {
    match flags.print.as_deref() {
        Some("example") => print!("{}", describe::example::<Config>()),
        Some(_) => print!("{}", describe::markdown::<Config>()),
        None => {
            let config = config::read(&flags.common, Vec::new())?;
            let parts = if flags.parts.is_empty() { Part::value_variants() } else { &flags.parts };
            check(&config, parts)?;
            println!("the configuration is good");
        }
    }
    Ok(())
}

/// Whether the parts could be made, which reading the configuration alone cannot know. All that is wrong at once.
fn check(config: &Config, parts: &[Part]) -> Result<(), ConfigError> {
    let mut problems = Problems::default();
    let has = |part| parts.contains(&part);
    let keyring = if config.auth.is_open() && !has(Part::Router) { Ok(None) } else { keyring(config) };
    let keyring = problems.of(keyring).flatten();
    let dialer = problems.of(policy(config).and_then(|policy| dialer(policy, config)));
    macro_rules! certificate {
        ($section:ident) => {
            if let (Some(chain), Some(private)) =
                (&config.$section.tls_certificate, &config.$section.tls_private)
            {
                let key = concat!(stringify!($section), ".tls_certificate");
                let loaded = Certificate::load(chain, private);
                problems.of(loaded.map_err(|error| problem(key, &error.to_string())));
            }
        };
    }
    if has(Part::Router) {
        certificate!(router);
    }
    if has(Part::Relayd) {
        certificate!(relayd);
        problems.of(among_others(config));
    }
    if has(Part::Hub) {
        for protocol in config.hub.running() {
            match protocol {
                Protocol::Rocket => certificate!(rocket),
                Protocol::Gockets => certificate!(gockets),
                Protocol::Pogo => certificate!(pogo),
                Protocol::Postgres => certificate!(postgres),
            }
        }
        if let Some(dialer) = dialer {
            problems.of(hub(config, dialer, keyring));
        }
    }
    problems.all()
}

/// What was found so far.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn of<T>(&mut self, checked: Result<T, ConfigError>) -> Option<T> {
        checked.map_err(|ConfigError(more)| self.0.extend(more)).ok()
    }

    fn all(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError(self.0)) }
    }
}

/// Makes a hub whose tasks never run: the runtime is gone before it would poll them.
fn hub(config: &Config, dialer: Dialer, keyring: Option<Keyring>) -> Result<(), ConfigError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| problem("hub", &format!("cannot be tried: {error}")))?;
    let opened = runtime.block_on(Hub::open(Parts {
        sections: config.hub_sections(),
        keyring: keyring.map(Arc::new),
        dialer: Arc::new(dialer),
        body_timeout: config.http.body_timeout.as_duration(),
        ports: Vec::new(),
        life: Lifecycle::new(),
        metrics: &prometheus::Registry::new(),
    }));
    match opened {
        Ok(_) => Ok(()),
        Err(HubError::Config(error)) => Err(error),
        Err(other) => Err(problem("hub", &other.to_string())),
    }
}
