//! Defaults < file < environment < flags, and how each kind is read in each.

use crate::fixture::{Config, ConfigFile, Format, Given, NodeName};
use polysocket_config::{Environment, Layers, Size, Span, load};

#[test]
fn nothing_given_is_the_defaults() {
    let config: Config = load(&Layers::default()).expect("defaults");
    assert_eq!(config.log.level, "info");
    assert_eq!(config.relayd.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.relayd.idle_time, Span::seconds(30));
    assert_eq!(config.relayd.redis_url, None);
    assert!(config.auth.rules.is_empty());
}

#[test]
fn later_layers_win() {
    let file = "[relayd]\nlisten = '[::1]:1'\nsockets_max = 1\nidle_time = '1s'\n";
    let env = [("POLYSOCKET_RELAYD_SOCKETS_MAX", "2"), ("POLYSOCKET_RELAYD_IDLE_TIME", "2s")];
    let flags = [("relayd.idle_time", "3s"), ("relayd.idle_time", "4s")];
    let config: Config = Given { file, env: &env, flags: &flags }.load().expect("all well");
    assert!(config.relayd.jsonp, "default");
    assert_eq!(config.relayd.listen.to_string(), "[::1]:1", "file");
    assert_eq!(config.relayd.sockets_max, 2, "environment over file");
    assert_eq!(config.relayd.idle_time, Span::seconds(4), "last flag over environment");
}

#[test]
fn each_kind_in_a_file() {
    let file = r#"
        [log]
        format = "json"
        [relayd]
        sockets_max = 0x10
        buffer = 65536
        sample = 1
        jsonp = false
        origins = []
        redis_url = "redis://localhost"
        trusted = ["::1"]
        node = "tom"
        [auth]
        jwt_secret = "shh"
        weights = [{ north = 1, south = 2 }]
        [[auth.rules]]
        pattern = "wss://a.example"
        hops = [{ host = "x" }, { host = "y" }]
        [[auth.rules]]
        pattern = "wss://b.example"
        rate = 3
    "#;
    let config: Config = Given { file, ..Given::default() }.load().expect("all well");
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.relayd.sockets_max, 16);
    assert_eq!(config.relayd.buffer, Size::kib(64));
    assert!((config.relayd.sample - 1.0).abs() < f64::EPSILON);
    assert!(!config.relayd.jsonp);
    assert!(config.relayd.origins.is_empty());
    assert_eq!(config.relayd.redis_url.as_deref(), Some("redis://localhost"));
    assert_eq!(config.relayd.trusted, [std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
    assert_eq!(config.relayd.node, Some(NodeName("tom".to_owned())));
    let rules: Vec<(&str, u32, usize)> =
        config.auth.rules.iter().map(|rule| (rule.pattern.as_str(), rule.rate, rule.hops.len())).collect();
    assert_eq!(rules, [("wss://a.example", 10, 2), ("wss://b.example", 3, 0)]);
    assert_eq!(config.auth.rules[0].hops[1].host, "y");
    assert_eq!(config.auth.weights.0[0]["south"], 2);
}

#[test]
fn each_kind_in_variables_and_flags() {
    let env = [
        ("POLYSOCKET_LOG_FORMAT", "json"),
        ("POLYSOCKET_RELAYD_LISTEN", " 0.0.0.0:80 "),
        ("POLYSOCKET_RELAYD_BUFFER", "4096"),
        ("POLYSOCKET_RELAYD_SAMPLE", "0.25"),
        ("POLYSOCKET_RELAYD_JSONP", "false"),
        ("POLYSOCKET_RELAYD_ORIGINS", "https://x.example, https://y.example,"),
        ("POLYSOCKET_CONFIG", "is no key, and the caller says so"),
        ("PATH", "is none of ours"),
    ];
    let flags = [("relayd.buffer", "1MiB"), ("log.level", "a=b,c")];
    let config: Config = Given { file: "", env: &env, flags: &flags }.load().expect("all well");
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.log.level, "a=b,c");
    assert_eq!(config.relayd.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.relayd.buffer, Size::mib(1));
    assert!((config.relayd.sample - 0.25).abs() < f64::EPSILON);
    assert!(!config.relayd.jsonp);
    assert_eq!(config.relayd.origins, ["https://x.example", "https://y.example"]);
    let none = [("POLYSOCKET_RELAYD_ORIGINS", "")];
    let config: Config = Given { env: &none, ..Given::default() }.load().expect("all well");
    assert!(config.relayd.origins.is_empty(), "an empty list is a list");
}

#[test]
fn the_example_changes_nothing_and_stays_valid_when_everything_is_taken_in() {
    let example = polysocket_config::describe::example::<Config>();
    let as_toml = |config: &Config| polysocket_config::toml::to_string(config).expect("TOML");
    let as_is: Config = Given { file: &example, ..Given::default() }.load().expect("the example");
    assert_eq!(as_toml(&as_is), as_toml(&Config::default()));

    let taken_in: Vec<&str> = example
        .lines()
        .map(|line| {
            line.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && !rest.is_empty()).unwrap_or(line)
        })
        // Empty by default, and refused then by the checks of the fixture.
        .map(|line| if line == "pattern = \"\"" { "pattern = \"p\"" } else { line })
        .map(|line| if line == "redis_url = \"\"" { "redis_url = \"redis://r\"" } else { line })
        .map(|line| if line == "signing_key = \"\"" { "signing_key = \"0123456789abcdef\"" } else { line })
        .collect();
    let config: Config = Given { file: &taken_in.join("\n"), ..Given::default() }.load().expect("all keys");
    assert_eq!(config.auth.rules.len(), 1);
    assert_eq!(config.auth.rules[0].hops.len(), 1);
    assert_eq!(config.auth.tokens[0].sockets_max, 5);
    assert_eq!(config.relayd.sockets_max, 1000);
}

#[test]
fn secrets_are_not_in_debug_output() {
    let file = ConfigFile::new("");
    let layers = Layers {
        file: Some(file.path()),
        env: Environment::new([("POLYSOCKET_AUTH_JWT_SECRET", "hunter2")]),
        flags: vec![("relayd.redis_url".to_owned(), "redis://:hunter2@localhost".to_owned())],
        not_keys: Vec::new(),
    };
    let mut config: Config = load(&layers).expect("all well");
    let rule =
        crate::fixture::Rule { signing_key: Some("hunter2".to_owned()), ..crate::fixture::Rule::default() };
    config.auth.rules.push(rule);
    assert_eq!(config.auth.jwt_secret.as_deref(), Some("hunter2"));
    let shown = format!("{layers:?} {config:?}");
    assert!(
        shown.contains("jwt_secret: (hidden)") && shown.contains("POLYSOCKET_AUTH_JWT_SECRET"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
