//! `polysocket dev`: all in one process on one port.

use std::net::SocketAddr;
use std::time::Duration;

use polysocket_hub::{Protocol, Sections};
use polysocket_pogo::demo::Demo;
use polysocket_relayd::Front;
use polysocket_rocket::{HubConfig as RocketHub, UserConfig};
use polysocket_router::Front as RouterFront;
use polysocket_service::http::{bind, client_routes};
use polysocket_service::lifecycle::stop_signal;
use polysocket_tokens::{SigningKey, sign};
use serde_json::json;

use crate::args::Dev;
use crate::assembly::{Process, Shared, keyring, policy, run_with};
use crate::commands::hub::open_hub;
use crate::config::{self, Config};
use crate::echo;
use crate::error::Failure;
use crate::open_files;
use crate::pages;

/// Where the API is that Pogo makes live.
const API: &str = "/api";

/// Runs until it is told to stop.
pub fn run(flags: &Dev) -> Result<(), Failure> {
    let more =
        flags.upstream_ca.iter().map(|path| ("targets.upstream_ca".to_owned(), path.display().to_string()));
    let mut config = config::read(&flags.common, more.collect())?;
    for pattern in &flags.allow_target {
        config.targets.allow.push(pattern.clone());
        config.targets.allow_private.push(pattern.clone());
    }
    config.router.anonymous = true;
    if flags.common.config.is_none() {
        config.admin.listen = "127.0.0.1:0".into();
    }
    let listen = flags.listen.clone();
    if let Some(url) = &flags.postgres {
        config.postgres.url.clone_from(url);
    }
    run_with(&config.clone(), || serve(config, listen))
}

async fn serve(config: Config, listen: String) -> Result<(), Failure> {
    open_files::raise(0);
    let keyring = keyring(&config)?;
    let policy = policy(&config)?.allow_loopback();
    let bound = bind(&listen, None).map_err(Failure::Start)?;
    let address = bound.address().map_err(|error| Failure::Start(error.to_string()))?;
    tracing::info!("targets on this machine are allowed, as this is `dev`");
    let open = keyring.is_none();
    if open {
        tracing::info!("no keys are configured: any page may create sockets, without a token");
    }
    let relay_sources = pages::relay_sources(&config.relayd, address.port());
    let process = Process::new(config);
    let shared = Shared::open(&process.config).await?;
    let router = process.router(&shared, keyring, policy.clone());
    let relay = process.relay(&shared, policy.clone(), address)?;
    let (sections, more) = hub_sections(&process.config, address)?;
    let hub = open_hub(&process, sections, policy, vec![address.port()]).await?;
    relay.announced().await;
    let demo = axum::Router::new().nest_service(API, Demo::new().routes());
    let beside =
        echo::routes().merge(demo).merge(client_routes(&process.life)).merge(pages::routes(&relay_sources));
    let hub_pages = hub.pages(pages::beside(&relay_sources));
    let rest = RouterFront::new(&router, beside.merge(hub.routes()).merge(hub_pages));
    process.serve("", Front::new(&relay, rest), vec![bound]);
    process.administer(shared.ready()).await?;
    println!("{}{more}", introduction(address, open));
    stop_signal().await;
    relay.stop();
    process.finish(Duration::from_secs(1)).await;
    hub.stop().await;
    Ok(())
}

/// Its hub: Gockets at `/channel`; one hub of Rocket at `/rocket`, whose user `frontend` anybody may be; Pogo at `/pogo`
/// over an API of its own; and the channels of a database at `/postgres`, if it has one. With what there is to say about
/// that.
fn hub_sections(config: &Config, address: SocketAddr) -> Result<(Sections, String), Failure> {
    let mut sections = config.hub_sections();
    let mut more = String::new();
    if sections.rocket.hubs.is_empty() {
        let (name, secret) = ("frontend".to_owned(), Some(String::new()));
        let user = UserConfig { name, secret, permission: 3, ..UserConfig::default() };
        let hub = RocketHub { path: "/rocket".into(), users: vec![user].into(), ..RocketHub::default() };
        sections.rocket.hubs = vec![hub].into();
    }
    let mut run = |protocol: Protocol| {
        if !sections.hub.has(protocol) {
            sections.hub.protocols.push(protocol.name().to_owned());
        }
    };
    run(Protocol::Pogo);
    if !sections.postgres.url.is_empty() {
        run(Protocol::Postgres);
    }
    if sections.pogo.upstream.is_none() {
        sections.pogo.upstream = Some(format!("http://127.0.0.1:{}{API}", address.port()));
    }
    let postgres = &mut sections.postgres;
    if !postgres.url.is_empty() && !postgres.has_key() {
        let secret = rand::random::<[u64; 4]>().map(|word| format!("{word:016x}")).concat();
        let key =
            SigningKey::from_secret(secret.as_bytes()).map_err(|error| Failure::Start(error.to_string()))?;
        let token = sign(&key, &json!({ "mode": "rw", "channel": "chat" }));
        let token = token.map_err(|error| Failure::Start(error.to_string()))?;
        postgres.jwt_secret = Some(secret);
        more = format!(
            "\nthe database's channel `chat`:  http://{address}/pages/postgres#{token}\n\
             \x20                               ws://{address}/postgres/{token}\n"
        );
    }
    Ok((sections, more))
}

/// What to try first. Every line works when pasted into a shell, in this order.
fn introduction(address: SocketAddr, open: bool) -> String {
    let token = if open { "" } else { "&token=$token" };
    format!(
        r#"
in a browser:    http://{address}/ (a demo)   http://{address}/doctor (what works on this network)
                 http://{address}/pages/rocket   http://{address}/pages/gockets   http://{address}/pages/pogo

targets to try:  ws://{address}/echo   ws://{address}/chat   (and any public ws:// or wss:// server)
the hub:         ws://{address}/rocket   http://{address}/channel   ws://{address}/pogo (over http://{address}{API}/posts)

a dialogue with one of them, over plain HTTP:

  base=http://{address}
  created=$(curl -s "$base/create?v=1&target=ws://{address}/echo{token}"); echo "$created"
  socket=$(echo "$created" | sed 's/.*"socket":"\([^"]*\)".*/\1/')
  curl "$base/s/$socket?v=1" -d 't=t' --data-urlencode 'd=hello, world'
  curl "$base/s/$socket?v=1" -d 't=b&d=AAEC/w=='
  curl "$base/j/$socket?v=1"
  curl "$base/s/$socket?v=1" -d 't=c&code=1000&reason=bye'
  curl "$base/j/$socket?v=1"
"#
    )
}
