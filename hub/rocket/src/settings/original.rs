//! The original's configuration file, in JSON.
//!
//! Keys of ours beside the original's, for those who stay with the file: `Origins`, `Dialect`, `StrictSessions` at the
//! top; `Origins`, `Jwt` in a hub; `SecretHash`, `Read`, `Write` in a user. They mean what the keys of our section do.

use polysocket_config::{ConfigError, Problem, Section};
use serde_json::Value;

use super::flags::Flags;
use super::go_json::Object;
use super::listening::Listening;
use super::section::{HubConfig, RocketConfig, UserConfig};

const TOP: [&str; 9] =
    ["Host", "Port", "TLSCertFile", "TLSKeyFile", "Log", "Hubs", "Origins", "Dialect", "StrictSessions"];
const HUB: [&str; 6] = ["Path", "Codec", "Users", "Log", "Origins", "Jwt"];
const USER: [&str; 6] = ["Name", "Secret", "Permission", "SecretHash", "Read", "Write"];

/// What a file says: our section, and what in it is not understood, which the original would
/// have passed over in silence.
///
/// # Errors
/// All that is wrong with it, each with its place: `Hubs[0].Users.backend.Permission`.
pub fn from_original(text: &str) -> Result<(RocketConfig, Vec<String>), ConfigError> {
    let (mut config, listening, ignored) = read(text)?;
    listening.apply(&mut config)?;
    Ok((config, ignored))
}

/// The file, if there is one, and the flags over it.
pub(crate) fn merged(text: Option<&str>, flags: Flags) -> Result<(RocketConfig, Vec<String>), ConfigError> {
    let (mut config, listening, ignored) = text.map(read).transpose()?.unwrap_or_default();
    listening.overridden(flags.over).apply(&mut config)?;
    Ok((config, ignored))
}

pub(super) fn read(text: &str) -> Result<(RocketConfig, Listening, Vec<String>), ConfigError> {
    let file: Value = serde_json::from_str(text)
        .map_err(|error| ConfigError(vec![Problem::new("", format!("is no JSON: {error}"))]))?;
    let mut problems = Vec::new();
    let mut ignored = Vec::new();
    let mut config = RocketConfig::default();
    let mut listening = Listening::default();
    if let Some(top) = Object::of(&file, String::new(), &mut problems) {
        ignored.extend(top.unknown(&TOP));
        let mut text = |key: &str| top.text(key, &mut problems).map(str::to_owned);
        listening = Listening {
            host: text("Host"),
            certificate: text("TLSCertFile"),
            private: text("TLSKeyFile"),
            log: text("Log"),
            port: None,
        };
        let port = top.whole("Port", u64::from(u16::MAX), &mut problems);
        listening.port = port.and_then(|port| u16::try_from(port).ok());
        if let Some(origins) = top.texts("Origins", &mut problems) {
            config.origins = origins;
        }
        if let Some(dialect) = top.text("Dialect", &mut problems) {
            match dialect.parse() {
                Ok(dialect) => config.dialect = dialect,
                Err(text) => problems.push(Problem::new("Dialect", text)),
            }
        }
        config.strict_sessions = top.flag("StrictSessions", &mut problems).unwrap_or_default();
        for (index, value) in top.list("Hubs", &mut problems).into_iter().flatten().enumerate() {
            if let Some(row) = Object::of(value, format!("Hubs[{index}]"), &mut problems) {
                config.hubs.push(hub(&row, &mut ignored, &mut problems));
            }
        }
    }
    if problems.is_empty() {
        // The checks of our section, in its words for the keys.
        config.check(&mut problems);
    }
    if problems.is_empty() { Ok((config, listening, ignored)) } else { Err(ConfigError(problems)) }
}

fn hub(row: &Object<'_>, ignored: &mut Vec<String>, problems: &mut Vec<Problem>) -> HubConfig {
    ignored.extend(row.unknown(&HUB));
    let mut hub = HubConfig {
        path: row.text("Path", problems).unwrap_or_default().to_owned(),
        jwt: row.flag("Jwt", problems).unwrap_or_default(),
        origins: row.texts("Origins", problems).unwrap_or_default(),
        log: row.text("Log", problems).filter(|path| !path.is_empty()).map(Into::into),
        ..HubConfig::default()
    };
    if let Some(codec) = row.text("Codec", problems)
        && codec != "JSON"
    {
        problems.push(Problem::new(&row.place("Codec"), format!("is `{codec}`; the only one is \"JSON\"")));
    }
    if let Some(users) = row.get("Users")
        && let Some(users) = Object::of(users, row.place("Users"), problems)
    {
        for (name, value) in users.entries() {
            if let Some(row) = Object::of(value, users.place(name), problems) {
                hub.users.push(user(name, &row, ignored, problems));
            }
        }
    }
    hub
}

/// The key is the name that `authenticate` knows; the original used `Name` for its log alone.
fn user(name: &str, row: &Object<'_>, ignored: &mut Vec<String>, problems: &mut Vec<Problem>) -> UserConfig {
    ignored.extend(row.unknown(&USER));
    row.text("Name", problems);
    let secret_hash = row.text("SecretHash", problems).map(str::to_owned);
    let secret = row.text("Secret", problems).map(str::to_owned);
    // A secret that is left out was the empty one.
    let secret = secret.or_else(|| secret_hash.is_none().then(String::new));
    let all = || vec!["*".to_owned()];
    UserConfig {
        name: name.to_owned(),
        secret,
        secret_hash,
        permission: row
            .whole("Permission", 7, problems)
            .and_then(|bits| u8::try_from(bits).ok())
            .unwrap_or_default(),
        read: row.texts("Read", problems).unwrap_or_else(all),
        write: row.texts("Write", problems).unwrap_or_else(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the original ships it.
    const EXAMPLE: &str = include_str!("../../tests/example.json");

    #[test]
    fn the_shipped_example() {
        let (config, ignored) = from_original(EXAMPLE).expect("readable");
        assert_eq!(ignored, Vec::<String>::new());
        assert_eq!(config.listen, ["localhost:9772"]);
        assert!(config.tls_listen.is_empty());
        let [hub] = config.hubs.as_slice() else { panic!("one hub") };
        assert_eq!(hub.path, "/echo");
        let users: Vec<_> = hub
            .users
            .iter()
            .map(|user| (user.name.as_str(), user.secret.as_deref(), user.permission))
            .collect();
        assert_eq!(users, [("backend", Some("secret"), 7), ("frontend", Some(""), 3)]);
    }

    #[test]
    fn keys_without_regard_to_case() {
        let text = r#"{"host":"h","PORT":1,"port":2,"tlscertfile":"c","TLSKEYFILE":"k","LOG":"l",
            "hubs":[{"PATH":"/a","users":{"U":{"secret":"s","permission":1}}}]}"#;
        let (config, _) = from_original(text).expect("readable");
        assert_eq!(config.tls_listen, ["h:1"]);
        assert!(config.listen.is_empty());
        assert_eq!(config.log.as_deref().and_then(std::path::Path::to_str), Some("l"));
        // Names of users are data: they keep their case.
        assert_eq!(config.hubs[0].users[0].name, "U");
    }

    #[test]
    fn what_is_left_out() {
        let (config, ignored) =
            from_original(r#"{"Hubs":[{"Path":"/a/","Users":{"u":null},"Colour":1}],"x":2}"#)
                .expect("readable");
        assert_eq!(config.listen, ["localhost:9772"]);
        assert_eq!(
            (config.hubs[0].users[0].secret.as_deref(), config.hubs[0].users[0].permission),
            (Some(""), 0)
        );
        assert_eq!(ignored, ["x", "Hubs[0].Colour"]);
        assert!(from_original("{}").expect("readable").0.hubs.is_empty());
    }

    #[test]
    fn mistakes_have_a_place_and_no_secret() {
        for (text, place) in [
            ("", ""),
            ("[]", ""),
            (r#"{"Port":"9772"}"#, "Port"),
            (r#"{"Port":65536}"#, "Port"),
            (r#"{"Hubs":{}}"#, "Hubs"),
            (r#"{"Hubs":[1]}"#, "Hubs[0]"),
            (r#"{"Hubs":[{"Path":"/a","Codec":"XML"}]}"#, "Hubs[0].Codec"),
            (r#"{"Hubs":[{"Path":"/a","Codec":""}]}"#, "Hubs[0].Codec"),
            (r#"{"Hubs":[{"Path":"/a","Users":[]}]}"#, "Hubs[0].Users"),
            (r#"{"Hubs":[{"Path":"/a","Users":{"u":{"Permission":-1}}}]}"#, "Hubs[0].Users.u.Permission"),
            (r#"{"Hubs":[{"Path":"/a","Users":{"u":{"Secret":12345}}}]}"#, "Hubs[0].Users.u.Secret"),
            (r#"{"Hubs":[{"Path":"a"}]}"#, "rocket.hubs[0].path"),
            (r#"{"Dialect":"1"}"#, "Dialect"),
            (r#"{"TLSCertFile":"c"}"#, "TLSKeyFile"),
            (r#"{"TLSKeyFile":"k"}"#, "TLSCertFile"),
        ] {
            let ConfigError(problems) = from_original(text).expect_err(text);
            assert_eq!(
                problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
                [place],
                "{text}"
            );
            assert!(!problems[0].text.contains("12345"), "{}", problems[0].text);
        }
    }
}
