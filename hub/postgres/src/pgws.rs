//! The environment of postgres-websockets, read as it reads it.

use polysocket_config::{ConfigError, Problem, Section, Span};

use crate::Wire;
use crate::config::PostgresConfig;
use crate::database::{Address, read_url};
use crate::gate;

/// All there are, without `PGWS_`.
const NAMES: [&str; 15] = [
    "DB_URI",
    "JWT_SECRET",
    "JWT_SECRET_BASE64",
    "LISTEN_CHANNEL",
    "META_CHANNEL",
    "PROFILE",
    "ROOT_PATH",
    "HOST",
    "PORT",
    "CERTIFICATE_FILE",
    "KEY_FILE",
    "CHECK_LISTENER_INTERVAL",
    "RETRIES",
    "POOL_SIZE",
    "STRICT_STATUS",
];

/// Which variable a key of the section comes from.
fn variable(key: &str) -> String {
    let name = match key.strip_prefix("postgres.").unwrap_or(key) {
        "url" => "DB_URI",
        "jwt_secret" | "jwt_secret_file" => "JWT_SECRET",
        "listen_channel" => "LISTEN_CHANNEL",
        "meta_channel" => "META_CHANNEL",
        "root" => "ROOT_PATH",
        "listen" | "tls_listen" => "HOST",
        "tls_certificate" => "CERTIFICATE_FILE",
        "tls_private" => "KEY_FILE",
        "heartbeat_every" => "CHECK_LISTENER_INTERVAL",
        "attempts_max" => "RETRIES",
        _ => return key.to_owned(),
    };
    format!("PGWS_{name}")
}

impl PostgresConfig {
    /// The configuration that the `PGWS_*` variables describe; `look_up` is the environment. Variables without a value
    /// are taken for absent.
    ///
    /// # Errors
    /// All variables that are missing or wrong. No text of them shows a value that may be a secret.
    pub fn from_pgws(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| look_up(&format!("PGWS_{name}")).filter(|value| !value.is_empty());
        let mut problems = Vec::new();
        let mut wrong = |name: &str, text: &str| problems.push(Problem::new(&format!("PGWS_{name}"), text));
        let mut config = Self {
            // As the original, which is compatible with what it did before.
            lossy_binary: true,
            meta_writable: true,
            ..Self::default()
        };

        match get("DB_URI") {
            Some(uri) => config.url = uri,
            None => wrong("DB_URI", "is not set; write where the database is, or `@` and the path of a file"),
        }
        match get("JWT_SECRET") {
            Some(secret) => match secret.strip_prefix('@') {
                Some(path) => config.jwt_secret_file = Some(path.into()),
                None => config.jwt_secret = Some(secret),
            },
            None => {
                wrong("JWT_SECRET", "is not set; write a secret, a JWK, a set of JWKs, or `@` and a path");
            }
        }
        let flag = |name: &str, wrong: &mut dyn FnMut(&str, &str)| match get(name).as_deref() {
            None | Some("False" | "false" | "0") => false,
            Some("True" | "true" | "1") => true,
            Some(_) => {
                wrong(name, "is neither True nor False");
                false
            }
        };
        config.jwt_secret_base64 = flag("JWT_SECRET_BASE64", &mut wrong);
        config.strict_status = flag("STRICT_STATUS", &mut wrong);

        let (listen_channel, meta_channel) = (get("LISTEN_CHANNEL"), get("META_CHANNEL"));
        config.wire = match get("PROFILE").as_deref() {
            Some("current") => Wire::Current,
            // Who says one of these knows the later form.
            None if listen_channel.is_some() || meta_channel.is_some() => Wire::Current,
            Some("seed") | None => Wire::Seed,
            Some(_) => {
                wrong("PROFILE", "is neither `seed` nor `current`");
                Wire::Seed
            }
        };
        config.listen_channel = listen_channel.unwrap_or(config.listen_channel);
        config.meta_channel = meta_channel;
        config.root = get("ROOT_PATH").map(Into::into);

        let port = get("PORT").map_or(Ok(3000), |port| port.parse::<u16>()).unwrap_or_else(|_| {
            wrong("PORT", "is no port");
            0
        });
        let address = address(get("HOST").as_deref().unwrap_or("*4"), port);
        match (get("CERTIFICATE_FILE"), get("KEY_FILE")) {
            (Some(certificate), Some(key)) => {
                config.tls_certificate = Some(certificate.into());
                config.tls_private = Some(key.into());
                config.tls_listen = vec![address];
                config.listen = Vec::new();
            }
            (None, None) => config.listen = vec![address],
            (Some(_), None) => wrong("KEY_FILE", "is not set, but PGWS_CERTIFICATE_FILE is"),
            (None, Some(_)) => wrong("CERTIFICATE_FILE", "is not set, but PGWS_KEY_FILE is"),
        }

        let mut number = |name: &str| {
            let text = get(name)?;
            let number = text.parse::<u32>().ok();
            if number.is_none() {
                wrong(name, "is no number");
            }
            number
        };
        config.attempts_max = number("RETRIES").unwrap_or(config.attempts_max);
        // One connection publishes here, whatever the original's pool had.
        number("POOL_SIZE");
        // 0 switched the check off; a node that may be deaf is no use to anybody.
        if let Some(interval) = number("CHECK_LISTENER_INTERVAL").filter(|interval| *interval > 0) {
            config.heartbeat_every = Span::millis(u64::from(interval).max(10));
        }
        if problems.is_empty() {
            problems = config.problems();
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }

    /// What is wrong with what was read, by the names of the variables.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check(&mut problems);
        if self.url.starts_with('@')
            && let Err(why) = read_url(&self.url).and_then(|url| Address::parse(&url))
        {
            problems.push(Problem::new("postgres.url", why));
        }
        if let Err(problem) = gate::read_keys(self) {
            problems.push(problem);
        }
        if self.root.as_ref().is_some_and(|root| !root.is_dir()) {
            problems.push(Problem::new("postgres.root", "is no folder"));
        }
        for problem in &mut problems {
            problem.key = variable(&problem.key);
        }
        problems
    }

    /// Those of these variables that look as if they were for [`from_pgws`](Self::from_pgws), and are not known.
    #[must_use]
    pub fn unknown_pgws(variables: impl Iterator<Item = String>) -> Vec<String> {
        let is_known = |name: &str| NAMES.contains(&name);
        variables.filter(|name| name.strip_prefix("PGWS_").is_some_and(|name| !is_known(name))).collect()
    }
}

/// The original's notation for hosts (that of its HTTP server): `*` is any, `*4` any of IPv4.
fn address(host: &str, port: u16) -> String {
    match host {
        "*" | "*6" | "!6" => format!("[::]:{port}"),
        "*4" | "!4" => format!("0.0.0.0:{port}"),
        host if host.contains(':') => format!("[{}]:{port}", host.trim_matches(['[', ']'])),
        host => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<PostgresConfig, Vec<String>> {
        let look_up = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        PostgresConfig::from_pgws(look_up)
            .map_err(|error| error.0.into_iter().map(|problem| problem.key).collect())
    }

    /// The original's `sample-env`.
    #[test]
    fn the_sample() {
        let config = read(&[
            ("PGWS_DB_URI", "postgres://postgres:example@localhost:5433/postgres"),
            ("PGWS_POOL_SIZE", "10"),
            ("PGWS_ROOT_PATH", "./src"),
            ("PGWS_LISTEN_CHANNEL", "postgres-websockets-listener"),
            ("PGWS_META_CHANNEL", "server-info"),
            ("PGWS_HOST", "*4"),
            ("PGWS_PORT", "3000"),
            ("PGWS_JWT_SECRET", "auwhfdnskjhewfi34uwehdlaehsfkuaeiskjnfduierhfsiweskjcnzeiluwhskdewishdnpwe"),
            ("PGWS_JWT_SECRET_BASE64", "False"),
            ("PGWS_CHECK_LISTENER_INTERVAL", "10000"),
        ])
        .expect("a configuration");
        let mut problems = Vec::new();
        config.check(&mut problems);
        assert_eq!(problems, []);
        assert_eq!((config.wire, config.listen), (Wire::Current, vec!["0.0.0.0:3000".to_owned()]));
        assert_eq!(config.meta_channel.as_deref(), Some("server-info"));
        assert_eq!((config.heartbeat_every, config.attempts_max), (Span::seconds(10), 0));
    }

    #[test]
    fn what_decides_the_form() {
        let base = [("PGWS_DB_URI", "postgres://a@b/c"), ("PGWS_JWT_SECRET", "@src/lib.rs")];
        let wire = |more: &[(&str, &str)]| read(&[&base[..], more].concat()).expect("a configuration").wire;
        assert_eq!(wire(&[]), Wire::Seed);
        assert_eq!(wire(&[("PGWS_META_CHANNEL", "info")]), Wire::Current);
        assert_eq!(wire(&[("PGWS_META_CHANNEL", "info"), ("PGWS_PROFILE", "seed")]), Wire::Seed);
        assert_eq!(wire(&[("PGWS_PROFILE", "current")]), Wire::Current);
        let config = read(&base).expect("a configuration");
        assert_eq!((config.jwt_secret, config.jwt_secret_file), (None, Some("src/lib.rs".into())));
    }

    #[test]
    fn tls_and_hosts() {
        let base = [("PGWS_DB_URI", "postgres://a@b/c"), ("PGWS_JWT_SECRET", "s")];
        let tls = [
            ("PGWS_CERTIFICATE_FILE", "/c"),
            ("PGWS_KEY_FILE", "/k"),
            ("PGWS_HOST", "!6"),
            ("PGWS_PORT", "443"),
        ];
        let config = read(&[&base[..], &tls].concat()).expect("a configuration");
        assert_eq!((config.listen, config.tls_listen), (vec![], vec!["[::]:443".to_owned()]));
        for (host, expected) in [
            ("*", "[::]:1"),
            ("*4", "0.0.0.0:1"),
            ("::1", "[::1]:1"),
            ("[::1]", "[::1]:1"),
            ("example.com", "example.com:1"),
        ] {
            assert_eq!(address(host, 1), expected);
        }
    }

    #[test]
    fn what_the_section_says_is_told_by_the_variable() {
        let good = [("PGWS_DB_URI", "postgres://a@b/c"), ("PGWS_JWT_SECRET", "secret")];
        assert!(read(&good).is_ok());
        let long = "x".repeat(64);
        for (name, value) in [
            ("PGWS_LISTEN_CHANNEL", long.as_str()),
            ("PGWS_META_CHANNEL", &long),
            ("PGWS_ROOT_PATH", "src/lib.rs"),
            ("PGWS_DB_URI", "@/nowhere"),
            ("PGWS_DB_URI", "host"),
            ("PGWS_JWT_SECRET", "@/nowhere"),
            ("PGWS_JWT_SECRET", "{\"kty\":\"RSA\",\"n\":\"AQ\"}"),
        ] {
            let mut variables = vec![(name, value)];
            variables.extend(good.iter().filter(|(known, _)| *known != name));
            assert_eq!(read(&variables).expect_err(value), [name], "{value}");
        }
    }

    #[test]
    fn variables_that_nobody_knows() {
        let given = ["PGWS_PORT", "PGWS_PORTS", "PATH", "PGWS_"].map(str::to_owned);
        assert_eq!(PostgresConfig::unknown_pgws(given.into_iter()), ["PGWS_PORTS", "PGWS_"]);
        assert!(
            NAMES
                .iter()
                .all(|name| PostgresConfig::unknown_pgws([format!("PGWS_{name}")].into_iter()).is_empty())
        );
    }

    #[test]
    fn all_that_is_wrong_at_once() {
        let wrong = read(&[
            ("PGWS_DB_URI", ""),
            ("PGWS_JWT_SECRET_BASE64", "yes"),
            ("PGWS_PROFILE", "new"),
            ("PGWS_PORT", "http"),
            ("PGWS_KEY_FILE", "/k"),
            ("PGWS_RETRIES", "many"),
        ]);
        let expected =
            ["DB_URI", "JWT_SECRET", "JWT_SECRET_BASE64", "PROFILE", "PORT", "CERTIFICATE_FILE", "RETRIES"];
        assert_eq!(wrong.expect_err("problems"), expected.map(|name| format!("PGWS_{name}")));
    }
}
