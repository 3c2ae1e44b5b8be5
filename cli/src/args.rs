//! The command line. These are not the options of the libraries: `config` makes those from them.

use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};

/// Just use WebSockets: any page, any WebSocket server, any network.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Router, relay and echo targets in one process, for trying and developing; nothing else is needed.
    Dev(Dev),
    /// A router: checks tokens, picks a relay, has it open the target.
    Router(Common),
    /// A relay node: holds the upstream WebSockets and serves the pages.
    Relayd(Common),
    /// The hub: Rocket, Gockets, Pogo and PostgreSQL's channels, for backends without a WebSocket server.
    Hub(Common),
    /// Rocket alone, with the original's flags and configuration file; `polysocket rocket -h` lists them.
    #[command(disable_help_flag = true)]
    Rocket(Original),
    /// Gockets alone, with the original's flags; `polysocket gockets -h` lists them.
    #[command(disable_help_flag = true)]
    Gockets(Original),
    /// Pogo alone: a REST API, made live.
    Pogo(Pogo),
    /// WebSockets that are channels of PostgreSQL, alone; configured as postgres-websockets is, by PGWS_* variables.
    Postgres,
    /// Makes a token that routers take.
    Token(Token),
    /// Checks a configuration and says what is wrong with it, or prints what could be in one.
    CheckConfig(CheckConfig),
}

/// Where configuration comes from.
#[derive(Debug, Default, Clone, Group)]
pub struct Common {
    /// A TOML file. `check-config --print example` shows all it may have.
    #[arg(long, value_name = "FILE", env = "POLYSOCKET_CONFIG")]
    pub config: Option<PathBuf>,
    /// Sets one key, over file and environment: `--set relayd.name=tom`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// Flags of `dev`.
#[derive(Debug, Default, Clone, Group)]
pub struct Dev {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Allows targets beyond the public ones and those on this machine: `ws://10.0.0.5:*`, `10.0.0.0/8`. Repeatable.
    #[arg(long, value_name = "PATTERN")]
    pub allow_target: Vec<String>,
    /// A database whose channels are served at `/postgres`: `postgres://user@localhost/name`.
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Trusts a private certificate authority for `wss` targets (PEM).
    #[arg(long, value_name = "FILE")]
    pub upstream_ca: Option<PathBuf>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `pogo`.
#[derive(Debug, Default, Clone, Group)]
pub struct Pogo {
    /// The root of the API: `http://localhost:3000`. Wherever it is, it is allowed (`pogo.upstream`).
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Where to listen (`pogo.listen`).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub common: Common,
}

/// The command line of a program that ours stands in for, as that program takes it.
#[derive(Debug, Default, Clone, Group)]
pub struct Original {
    /// Flags, and perhaps a file.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
    pub arguments: Vec<String>,
}

/// Flags of `token`.
#[derive(Debug, Default, Clone, Group)]
pub struct Token {
    /// Which targets it allows: `wss://chat.example.com`, `wss://*.example.com/live`. Repeatable.
    #[arg(long, value_name = "PATTERN", required = true)]
    pub target: Vec<String>,
    /// For pages of which origins: `https://app.example.com`. Repeatable; none: any page.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// The `Origin` that the target sees; without it, that of the page.
    #[arg(long, value_name = "ORIGIN")]
    pub upstream_origin: Option<String>,
    /// How long it is good: `90s`, `15m`, `24h`.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub expires: String,
    /// Whose sockets are counted together (claim `sub`).
    #[arg(long, value_name = "NAME")]
    pub subject: Option<String>,
    /// For which service (claim `aud`); without it, `auth.audience`.
    #[arg(long, value_name = "NAME")]
    pub audience: Option<String>,
    /// Sockets at the same time.
    #[arg(long, value_name = "N")]
    pub sockets: Option<u32>,
    /// Sockets created per second.
    #[arg(long, value_name = "N")]
    pub creates_per_second: Option<f64>,
    /// Bytes per second, both ways.
    #[arg(long, value_name = "N")]
    pub bytes_per_second: Option<u64>,
    /// The id of the key in `auth.keys`, which the token then names.
    #[arg(long, value_name = "ID")]
    pub key_id: Option<String>,
    /// A file with the shared secret (HS256); without it and `--private-key`: the first of `auth.keys` that has one.
    #[arg(long, value_name = "FILE", conflicts_with = "private_key")]
    pub secret_file: Option<PathBuf>,
    /// A file with the private key in PEM (RS256, ES256, `EdDSA`).
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub common: Common,
}

/// What a file may configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Routers.
    Router,
    /// Relay nodes.
    Relayd,
    /// The protocols of `hub.protocols`.
    Hub,
}

/// Flags of `check-config`.
#[derive(Debug, Default, Clone, Group)]
pub struct CheckConfig {
    /// Instead of checking, prints a file with every key and its default, or the reference.
    #[arg(long, value_name = "WHAT", value_parser = ["example", "reference"])]
    pub print: Option<String>,
    /// Checks what these need, separated by commas; without it, what all of them need.
    #[arg(long = "for", value_name = "PART", value_enum, value_delimiter = ',')]
    pub parts: Vec<Part>,
    /// Where configuration comes from.
    #[command(flatten)]
    pub common: Common,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, as in relayd.name=tom")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}
