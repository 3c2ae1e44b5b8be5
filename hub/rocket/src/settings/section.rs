//! The section `[rocket]` of the configuration.

use std::collections::HashSet;
use std::path::PathBuf;

use polysocket_config::{Problem, Size, Span, Tables, row, section};
use polysocket_tokens::OriginPattern;

use crate::access::check_hash;
use crate::wire::Dialect;

/// The longest name of a user, bytes; it is shown to others in channels with presence.
pub(crate) const USER_NAME_BYTES_MAX: usize = 256;
/// The longest path of a hub, bytes. It and the longest name of a channel are the name of a topic together.
const PATH_BYTES_MAX: usize = 256;
/// The most that `channel_name_bytes_max` may be.
const CHANNEL_NAME_BYTES_MOST: Size = Size::bytes(512);
const _: () =
    assert!(PATH_BYTES_MAX + 512 + "rocket-direct:".len() <= polysocket_broker::limits::TOPIC_BYTES_MAX);
/// The most that `member_data_bytes_max` may be.
const MEMBER_DATA_BYTES_MOST: Size = Size::kib(2);
// A name may have six times its bytes when every character of it is escaped.
const _: () =
    assert!(2048 + 6 * USER_NAME_BYTES_MAX + 64 <= polysocket_broker::limits::MEMBER_INFO_BYTES_MAX);

section! {
    /// Rocket: channels in JSON over WebSockets. Each hub is a path with users and channels of its own.
    pub struct RocketConfig = "rocket" check check {
        /// Where it listens without TLS.
        listen: Vec<String> = vec!["localhost:9772".into()],
        /// Where it listens with TLS.
        tls_listen: Vec<String> = Vec::new(),
        /// The certificate chain (PEM) for `tls_listen`. Read again when it changes and on SIGHUP.
        tls_certificate: Option<PathBuf> = None,
        /// The private key (PEM) of that certificate.
        tls_private: Option<PathBuf> = None,
        /// Pages that may connect: `https://app.example.com`, `https://*.example.com`, `null` or `*`. What sends no
        /// `Origin` is no page, and may.
        origins: Vec<String> = vec!["*".into()],
        /// Names of errors: `0.2`, as the original's documentation, or `0.3-dev`.
        dialect: Dialect = Dialect::Readme,
        /// When a session ends or becomes another user's, its subscriptions end with it. Those of a session by JWT always do.
        strict_sessions: bool = false,
        /// A file to append the log to, instead of standard error. Only the command `rocket` looks at it.
        log: Option<PathBuf> = None,
        /// The hubs.
        hubs: Tables<HubConfig> = Tables::new(),
        /// The longest name of a channel, at most 512 bytes.
        channel_name_bytes_max: Size = Size::bytes(256),
        /// Channels one connection is subscribed to at the same time.
        channels_per_connection_max: usize = 1000,
        /// Channels a user may create (by subscribing to one that nobody has subscribed to yet) at once, over all its
        /// connections to this node. Tokens for `direct` beyond the first of a connection count, too.
        creations_per_user_burst_max: u32 = 10_000,
        /// Channels a user may create per second, in the long run.
        creations_per_user_per_second_max: f64 = 10.0,
        /// What a member tells of itself (`data` of a subscription with `presence`), at most 2KiB.
        member_data_bytes_max: Size = Size::kib(1),
        /// Members of a channel that are listed to one who comes; all are counted.
        members_listed_max: usize = 1000,
        /// Refused logins of one connection; with the next it is closed, with 1008.
        logins_refused_max: u32 = 10,
        /// Hashed secrets that are checked at the same time. One check takes tens of milliseconds and 19 MiB.
        hash_checks_at_once_max: usize = 2,
        /// How long a login may wait for the check of its hashed secret.
        hash_check_timeout: Span = Span::seconds(5),
    }
}

row! {
    /// A hub: a path, its users and its channels.
    pub struct HubConfig check check_hub {
        /// Its path. One that ends in `/` has all paths below it as well.
        path: String = String::new(),
        /// Who may log in.
        users: Tables<UserConfig> = Tables::new(),
        /// Also takes JWTs (section `auth`) as secrets, for users that are not listed. Their claim `rocket` says what
        /// they may do.
        jwt: bool = false,
        /// Pages that may connect; empty: those of `rocket.origins`.
        origins: Vec<String> = Vec::new(),
        /// A file for what this hub has to tell, instead of the process's log.
        log: Option<PathBuf> = None,
    }
}

row! {
    /// A user.
    pub struct UserConfig check check_user {
        /// Its name, as in `authenticate`.
        name: String = String::new(),
        /// Its secret. An empty one lets in whoever knows the name.
        secret: Option<String> = None,
        /// Instead: the secret's hash, as `polysocket rocket -hash-secret` makes it (argon2id in PHC format).
        secret_hash: Option<String> = None,
        /// A sum of 1 (read: subscribe), 2 (write: broadcast, direct) and 4 (manage, not used).
        permission: u8 = 0,
        /// Channels it may subscribe to, if it may read; `*` stands for any run of characters.
        read: Vec<String> = vec!["*".into()],
        /// Channels it may broadcast to, if it may write.
        write: Vec<String> = vec!["*".into()],
    }
}

impl RocketConfig {
    /// What is worth a warning at start: `hub`, `user` and what is the matter.
    pub fn warnings(&self) -> Vec<String> {
        let open = |user: &&UserConfig| user.secret_hash.is_none() && user.secret.as_deref() == Some("");
        let mut warnings = Vec::new();
        for hub in &self.hubs {
            for user in hub.users.iter().filter(open) {
                warnings.push(format!(
                    "hub {}: user `{}` has an empty secret, so anybody may be it",
                    hub.path, user.name
                ));
            }
            if hub.users.is_empty() && !hub.jwt {
                warnings.push(format!("hub {}: it has no users, so nobody can log in", hub.path));
            }
        }
        warnings
    }
}

fn check(config: &RocketConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(&format!("rocket.{key}"), text));
    if !config.tls_listen.is_empty() && (config.tls_certificate.is_none() || config.tls_private.is_none()) {
        wrong("tls_listen", "needs rocket.tls_certificate and rocket.tls_private".into());
    }
    check_origins(&config.origins, &mut wrong);
    let mut paths = HashSet::new();
    for (index, hub) in config.hubs.iter().enumerate() {
        if !paths.insert(&hub.path) {
            wrong(&format!("hubs[{index}].path"), format!("is `{}`, which another hub has", hub.path));
        }
    }
    for (key, zero) in [
        ("channel_name_bytes_max", config.channel_name_bytes_max == Size::bytes(0)),
        ("channels_per_connection_max", config.channels_per_connection_max == 0),
        ("creations_per_user_burst_max", config.creations_per_user_burst_max == 0),
        ("hash_checks_at_once_max", config.hash_checks_at_once_max == 0),
    ] {
        if zero {
            wrong(key, "is 0, so nothing would work; write at least 1".into());
        }
    }
    if config.channel_name_bytes_max > CHANNEL_NAME_BYTES_MOST {
        wrong("channel_name_bytes_max", format!("is more than {CHANNEL_NAME_BYTES_MOST} bytes"));
    }
    if config.member_data_bytes_max > MEMBER_DATA_BYTES_MOST {
        wrong("member_data_bytes_max", format!("is more than {MEMBER_DATA_BYTES_MOST}"));
    }
    let per_second = config.creations_per_user_per_second_max;
    if !per_second.is_finite() || per_second < 0.0 {
        wrong("creations_per_user_per_second_max", format!("is {per_second}; write a number, 0 or more"));
    }
}

fn check_origins(origins: &[String], wrong: &mut impl FnMut(&str, String)) {
    for (index, origin) in origins.iter().enumerate() {
        if let Err(text) = origin.parse::<OriginPattern>() {
            wrong(&format!("origins[{index}]"), text);
        }
    }
}

fn check_hub(hub: &HubConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(key, text));
    if !hub.path.starts_with('/') || crate::service::clean(&hub.path) != hub.path {
        wrong("path", format!("is `{}`; write a path like \"/echo\", without `//`, `.` and `..`", hub.path));
    }
    if hub.path.len() > PATH_BYTES_MAX {
        wrong("path", format!("has more than {PATH_BYTES_MAX} bytes"));
    }
    check_origins(&hub.origins, &mut wrong);
    let mut names = HashSet::new();
    for (index, user) in hub.users.iter().enumerate() {
        if !names.insert(&user.name) {
            wrong(&format!("users[{index}].name"), format!("is `{}`, which another user has", user.name));
        }
    }
}

fn check_user(user: &UserConfig, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, text: String| problems.push(Problem::new(key, text));
    if user.name.is_empty() {
        wrong("name", "is empty; a user needs a name".into());
    }
    if user.name.len() > USER_NAME_BYTES_MAX {
        wrong("name", format!("has more than {USER_NAME_BYTES_MAX} bytes"));
    }
    match (&user.secret, &user.secret_hash) {
        (None, None) => {
            wrong(
                "secret",
                "is missing; give secret or secret_hash, or `secret = \"\"` to let anybody in".into(),
            );
        }
        (Some(_), Some(_)) => wrong("secret", "give secret or secret_hash, not both".into()),
        (None, Some(hash)) => {
            if let Err(text) = check_hash(hash) {
                wrong("secret_hash", text);
            }
        }
        (Some(_), None) => {}
    }
    if user.permission > 7 {
        wrong(
            "permission",
            format!("is {}; it is a sum of 1 (read), 2 (write) and 4 (manage)", user.permission),
        );
    }
}

#[cfg(test)]
mod tests {
    use polysocket_config::Section;

    use super::*;

    fn wrong_keys(text: &str) -> Vec<String> {
        let config: RocketConfig = polysocket_config::toml::from_str(text).expect("readable");
        let mut problems = Vec::new();
        config.check(&mut problems);
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn every_problem_names_its_key() {
        assert_eq!(wrong_keys(""), Vec::<String>::new());
        for (text, key) in [
            ("tls_listen = ['[::]:443']", "rocket.tls_listen"),
            ("origins = ['example.com']", "rocket.origins[0]"),
            ("creations_per_user_per_second_max = -1.0", "rocket.creations_per_user_per_second_max"),
            ("channel_name_bytes_max = 513", "rocket.channel_name_bytes_max"),
            ("member_data_bytes_max = '3KiB'", "rocket.member_data_bytes_max"),
            ("channels_per_connection_max = 0", "rocket.channels_per_connection_max"),
            ("[[hubs]]\npath = 'echo'", "rocket.hubs[0].path"),
            ("[[hubs]]\npath = '/a//b'", "rocket.hubs[0].path"),
            ("[[hubs]]\npath = '/a'\n[[hubs]]\npath = '/a'", "rocket.hubs[1].path"),
            ("[[hubs]]\npath = '/a'\norigins = ['x']", "rocket.hubs[0].origins[0]"),
            ("[[hubs]]\npath = '/a'\n[[hubs.users]]\nname = 'u'", "rocket.hubs[0].users[0].secret"),
            ("[[hubs]]\npath = '/a'\n[[hubs.users]]\nsecret = 's'", "rocket.hubs[0].users[0].name"),
            (
                "[[hubs]]\npath = '/a'\n[[hubs.users]]\nname = 'u'\nsecret_hash = 'x'",
                "rocket.hubs[0].users[0].secret_hash",
            ),
            (
                "[[hubs]]\npath = '/a'\n[[hubs.users]]\nname = 'u'\nsecret = 's'\npermission = 8",
                "rocket.hubs[0].users[0].permission",
            ),
            (
                "[[hubs]]\npath = '/a'\n[[hubs.users]]\nname = 'u'\nsecret = 's'\n[[hubs.users]]\nname = 'u'\nsecret = ''",
                "rocket.hubs[0].users[1].name",
            ),
        ] {
            assert_eq!(wrong_keys(text), [key], "{text}");
        }
    }

    #[test]
    fn an_empty_secret_is_warned_of() {
        let text = "[[hubs]]\npath = '/a'\n[[hubs.users]]\nname = 'u'\nsecret = ''\n[[hubs]]\npath = '/b'";
        let config: RocketConfig = polysocket_config::toml::from_str(text).expect("readable");
        let warnings = config.warnings();
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("`u`") && warnings[1].contains("/b"), "{warnings:?}");
    }
}
