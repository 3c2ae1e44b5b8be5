//! A small program's configuration, and files for it.

use std::path::PathBuf;

use polysocket_config::{
    Composite, Environment, Kind, Layers, Problem, Size, Span, Tables, ValueType, configuration, load, row,
    section, serde,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(crate = "polysocket_config::serde", rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl ValueType for Format {
    const KIND: Kind = Kind::Text;
    fn takes() -> String {
        "`text` or `json`".to_owned()
    }
}

/// The name of a node, with a reason when it is none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(crate = "polysocket_config::serde", try_from = "String", into = "String")]
pub struct NodeName(pub String);

impl TryFrom<String> for NodeName {
    type Error = &'static str;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.contains('.') { Err("a node's name has no dots") } else { Ok(Self(name)) }
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl ValueType for NodeName {
    const KIND: Kind = Kind::Text;
}

section! {
    /// What is logged.
    pub struct LogConfig = "log" check not_too_much {
        /// From this level on.
        level: String = "info".to_owned(),
        /// How lines look.
        format: Format = Format::Text,
    }
}

fn not_too_much(config: &LogConfig, problems: &mut Vec<Problem>) {
    if config.level == "trace" && config.format == Format::Text {
        problems.push(Problem::new("log.format", "nobody reads so much; use json for the level trace"));
    }
}

section! {
    /// The relay.
    ///
    /// Holds the upstream [`WebSocket`]s.
    pub struct RelaydConfig = "relayd" check patient {
        /// Where it listens.
        listen: std::net::SocketAddr = ([127, 0, 0, 1], 8080).into(),
        /// Sockets at the same time.
        sockets_max: u16 = 1000,
        /// How long a silent session lives
        /// before it is closed.
        idle_time: Span = Span::seconds(30),
        /// What a session may buffer: text | binary.
        buffer: Size = Size::kib(256),
        /// Part of the traffic that is sampled.
        sample: f64 = 0.5,
        /// Whether JSONP is allowed.
        jsonp: bool = true,
        /// Allowed origins.
        origins: Vec<String> = vec!["https://a.example".to_owned(), "https://b.example".to_owned()],
        /// Proxies whose word is taken.
        trusted: Vec<std::net::IpAddr> = Vec::new(),
        /// The name of this node.
        node: Option<NodeName> = None,
        /// The registry.
        redis_url: Option<String> = None,
    }
}

fn patient(config: &RelaydConfig, problems: &mut Vec<Problem>) {
    if config.idle_time < Span::seconds(1) {
        problems.push(Problem::new("relayd.idle_time", "too short; give it 1s or more"));
    }
    if let Some(url) = config.redis_url.as_ref().filter(|url| !url.starts_with("redis://")) {
        problems.push(Problem::new("relayd.redis_url", format!("`{url}` is no redis:// URL")));
    }
    if config.sockets_max == 0 && config.origins.is_empty() {
        problems.push(Problem::new("relayd.sockets_max", "0 serves nobody; raise it"));
        problems.push(Problem::new("relayd.origins", "nobody may come; name one"));
        problems.push(Problem::new("relayd", "it would do nothing"));
    }
}

row! {
    /// Where a rule leads.
    pub struct Hop {
        /// The host.
        host: String = String::new(),
    }
}

row! {
    /// A rule on targets.
    pub struct Rule check has_pattern {
        /// Which targets.
        pattern: String = String::new(),
        /// Creates per second.
        rate: u32 = 10,
        /// Signs requests.
        signing_key: Option<String> = None,
        /// Through which hosts.
        hops: Tables<Hop> = Tables::new(),
    }
}

fn has_pattern(rule: &Rule, problems: &mut Vec<Problem>) {
    if rule.pattern.is_empty() {
        problems.push(Problem::new("pattern", "a rule needs a pattern; name one"));
    }
    if rule.rate == 0 {
        problems.push(Problem::new("rate", "0 forbids the rule's targets; raise it or remove the rule"));
    }
    if let Some(key) = rule.signing_key.as_ref().filter(|key| key.len() < 16) {
        problems
            .push(Problem::new("signing_key", format!("{key} is shorter than 16 bytes; take a longer one")));
    }
}

row! {
    /// A static token.
    pub struct Token {
        /// Whose it is.
        name: String = String::new(),
        /// The token itself.
        key: Option<String> = None,
        /// Sockets at the same time.
        sockets_max: u32 = 5,
    }
}

/// Tables of which nothing is known but that they can be read.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(crate = "polysocket_config::serde", transparent)]
pub struct Weights(pub Vec<std::collections::BTreeMap<String, u8>>);

impl ValueType for Weights {
    const KIND: Kind = Kind::Tables;
}

section! {
    /// Who may do what.
    pub struct AuthConfig = "auth" {
        /// Rules on targets, the first that matches counts.
        rules: Tables<Rule> = Tables::new(),
        /// Static tokens.
        tokens: Tables<Token> = Tables::new(),
        /// How much each region counts.
        weights: Weights = Weights::default(),
        /// The HMAC secret of tokens.
        jwt_secret: Option<String> = None,
        /// How long a token lives.
        token_time: Span = Span::seconds(60),
    }
}

configuration! {
    /// All of it.
    pub struct Config {
        log: LogConfig,
        relayd: RelaydConfig,
        auth: AuthConfig,
    }
}

/// A file `config.toml` in a directory of its own, removed with this.
pub struct ConfigFile(PathBuf);

impl ConfigFile {
    pub fn new(text: &str) -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("config.toml"), text).expect("a file");
        Self(directory)
    }

    pub fn path(&self) -> PathBuf {
        self.0.join("config.toml")
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Layers as texts.
#[derive(Default)]
pub struct Given<'a> {
    pub file: &'a str,
    pub env: &'a [(&'a str, &'a str)],
    pub flags: &'a [(&'a str, &'a str)],
}

impl Given<'_> {
    /// What loading them gives: the configuration, or the lines of the error without the file's directory.
    pub fn load<C: Composite>(&self) -> Result<C, Vec<String>> {
        let file = ConfigFile::new(self.file);
        let layers = Layers {
            file: Some(file.path()),
            env: Environment::new(self.env.iter().copied()),
            flags: self.flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            not_keys: vec!["POLYSOCKET_CONFIG".to_owned()],
        };
        let directory = format!("{}/", file.0.display());
        load(&layers)
            .map_err(|error| error.to_string().replace(&directory, "").lines().map(str::to_owned).collect())
    }

    /// The error lines of loading them as a [`Config`].
    pub fn errors(&self) -> Vec<String> {
        self.load::<Config>().err().unwrap_or_default()
    }
}
