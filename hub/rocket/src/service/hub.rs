//! What the connections of a hub share.

use std::sync::Arc;

use polysocket_broker::{Broker, BrokerError, Topic};
use polysocket_config::{ConfigError, Problem};
use polysocket_service::Lifecycle;
use polysocket_tokens::{Keyring, Origin, OriginPattern};

use super::journal::Journal;
use super::metrics::RocketMetrics;
use crate::access::{Bearer, Creations, HashChecks, Session, Users, bearer};
use crate::settings::{HubConfig, RocketConfig};
use crate::wire::{Limit, Login, Reason};

/// What all hubs of a mount share.
pub(super) struct Node {
    pub(super) config: RocketConfig,
    pub(super) broker: Broker,
    pub(super) keyring: Option<Arc<Keyring>>,
    pub(super) life: Lifecycle,
    pub(super) metrics: RocketMetrics,
    pub(super) checks: HashChecks,
    pub(super) held_bytes_max: usize,
}

/// One hub: users and channels of its own.
pub(super) struct Hub {
    pub(super) node: Arc<Node>,
    pub(super) path: String,
    pub(super) journal: Journal,
    users: Users,
    jwt: bool,
    origins: Vec<OriginPattern>,
    creations: Creations,
    /// The space of its channels, and that of its clients' inboxes: a client cannot name the latter.
    space: Arc<str>,
    inboxes: Arc<str>,
}

fn space(hub: &str) -> String {
    format!("rocket:{hub}")
}

/// The topic of a hub's channel, for those who bridge something into it.
pub fn topic(hub: &str, channel: &str) -> Topic {
    Topic::new(space(hub), channel)
}

/// What to publish there, as text, so that subscribers get it like a broadcast. `data` is JSON.
pub fn broadcast_payload(event: &str, channel: &str, data: Option<&str>) -> Vec<u8> {
    crate::wire::broadcast_payload(event, channel, data)
}

impl Hub {
    pub(super) fn new(index: usize, node: Arc<Node>) -> Result<Self, ConfigError> {
        let config: &HubConfig = &node.config.hubs[index];
        let problem = |key: &str, text: String| {
            ConfigError(vec![Problem::new(&format!("rocket.hubs[{index}].{key}"), text)])
        };
        if config.jwt && node.keyring.is_none() {
            let text = "is on, and there are no keys to check tokens with; give some in the section [auth]";
            return Err(problem("jwt", text.into()));
        }
        let origins = if config.origins.is_empty() { &node.config.origins } else { &config.origins };
        let origins = origins.iter().map(|text| text.parse());
        let origins = origins.collect::<Result<_, _>>().map_err(|text| problem("origins", text))?;
        let journal = Journal::open(&config.path, config.log.as_deref())
            .map_err(|error| problem("log", format!("cannot be written: {error}")))?;
        Ok(Self {
            path: config.path.clone(),
            journal,
            users: Users::new(&config.users),
            jwt: config.jwt,
            origins,
            creations: Creations::new(
                node.config.creations_per_user_burst_max,
                node.config.creations_per_user_per_second_max,
            ),
            space: space(&config.path).into(),
            inboxes: format!("rocket-direct:{}", config.path).into(),
            node,
        })
    }

    /// Whether a page of this origin may connect. What tells none is no page.
    pub(super) fn admits(&self, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        let parsed = std::str::from_utf8(origin).ok().and_then(|text| text.parse::<Origin>().ok());
        self.origins.iter().any(|pattern| match &parsed {
            Some(origin) => pattern.matches(origin),
            None => *pattern == OriginPattern::Any,
        })
    }

    /// Tokens may be for some pages only.
    pub(super) fn needs_origin(&self) -> bool {
        self.jwt
    }

    /// A configured user by its secret, else, where the hub takes them, the bearer of a token.
    pub(super) async fn login(
        &self,
        login: &Login,
        origin: Option<&str>,
    ) -> Result<(Session, Option<Bearer>), Reason> {
        let keyring = self.node.keyring.as_deref().filter(|_| self.jwt && !self.users.has(&login.user));
        let Some(keyring) = keyring.filter(|_| !login.user.is_empty()) else {
            let session = self.users.login(&login.user, &login.secret, &self.node.checks).await?;
            return Ok((session, None));
        };
        let bearer = bearer(keyring, &login.secret, &login.user, &self.path, origin).await?;
        Ok((bearer.session.clone(), Some(bearer)))
    }

    pub(super) fn channel(&self, name: &str) -> Topic {
        Topic::new(self.space.clone(), name)
    }

    pub(super) fn inbox(&self, token: &str) -> Topic {
        Topic::new(self.inboxes.clone(), token)
    }

    pub(super) fn name_fits(&self, channel: &str) -> bool {
        channel.len() <= self.node.config.channel_name_bytes_max.as_usize()
    }

    /// Whether somebody has subscribed to it once.
    pub(super) async fn is_known(&self, topic: &Topic) -> Result<bool, Reason> {
        self.node.broker.is_known(topic).await.map_err(|error| self.reason(&error))
    }

    /// Makes sure that a channel exists, or may be created by this user.
    pub(super) async fn create(&self, topic: &Topic, session: &Session) -> Result<(), Reason> {
        if self.is_known(topic).await? { Ok(()) } else { self.count_creation(session) }
    }

    /// Counts something that did not exist before, if this user may have one more.
    pub(super) fn count_creation(&self, session: &Session) -> Result<(), Reason> {
        if self.creations.take(&session.counted_as, tokio::time::Instant::now()) {
            return Ok(());
        }
        let max = self.node.config.creations_per_user_burst_max;
        Err(Reason::Limit(Limit { name: "creations_per_user_burst_max", max: max.into() }))
    }

    /// What a client is told when the broker did not do what it was asked.
    pub(super) fn reason(&self, error: &BrokerError) -> Reason {
        match error {
            BrokerError::TooLong { max, .. } => {
                Reason::Limit(Limit { name: "message_bytes_max", max: *max as u64 })
            }
            BrokerError::TooMany { max, .. } => {
                Reason::Limit(Limit { name: "channels_max", max: *max as u64 })
            }
            error => {
                tracing::warn!(hub = %self.path, %error, "a client's request failed");
                Reason::Unavailable
            }
        }
    }
}
