//! What an operator reads when something is wrong, word for word.

use crate::fixture::Given;

#[track_caller]
fn file_says(file: &str, expected: &[&str]) {
    assert_eq!(Given { file, ..Given::default() }.errors(), expected);
}

#[track_caller]
fn env_says(name: &str, value: &str, expected: &str) {
    assert_eq!(Given { env: &[(name, value)], ..Given::default() }.errors(), [expected]);
}

#[track_caller]
fn flag_says(key: &str, value: &str, expected: &str) {
    assert_eq!(Given { flags: &[(key, value)], ..Given::default() }.errors(), [expected]);
}

#[test]
fn unknown_names_in_the_file() {
    file_says(
        "[relayd]\nlisten_on = 'x'\n",
        &["relayd.listen_on (config.toml:2): no such key; did you mean `relayd.listen`?"],
    );
    file_says(
        "[relayd]\nlisetn = 'x'\n",
        &["relayd.lisetn (config.toml:2): no such key; did you mean `relayd.listen`?"],
    );
    file_says(
        "[relayd]\nlevel = 'x'\n",
        &["relayd.level (config.toml:2): no such key; did you mean `log.level`?"],
    );
    file_says(
        "[relayd]\nsomething_else = 'x'\n",
        &["relayd.something_else (config.toml:2): no such key; docs/CONFIG.md lists the keys of [relayd]"],
    );
    file_says("[relay]\nlisten = 'x'\n", &["relay (config.toml:1): no such section; did you mean [relayd]?"]);
    file_says(
        "[postgres]\nlisten = 'x'\n",
        &["postgres (config.toml:1): no such section; there are [log], [relayd], [auth]"],
    );
    file_says(
        "listen = 'x'\n",
        &["listen (config.toml:1): stands outside of every section; did you mean `relayd.listen`?"],
    );
    file_says(
        "colour = 'x'\n",
        &[
            "colour (config.toml:1): stands outside of every section; write it below the [section] it belongs to",
        ],
    );
    file_says(
        "log = 'x'\n[[relayd]]\nlisten = 'x'\n",
        &[
            "log (config.toml:1): is a section; write [log] once, and its keys below it",
            "relayd (config.toml:2): is a section; write [relayd] once, and its keys below it",
        ],
    );
    file_says(
        "[[auth.rules]]\npatern = 'x'\n[[auth.rules]]\nwhatever = 'x'\n",
        &[
            "auth.rules[0].patern (config.toml:2): no such column; did you mean `pattern`?",
            "auth.rules[1].whatever (config.toml:4): no such column; there are pattern, rate, signing_key, hops",
        ],
    );
}

#[test]
fn unknown_variables_and_flags() {
    env_says(
        "POLYSOCKET_RELAYD_LISTN",
        "x",
        "$POLYSOCKET_RELAYD_LISTN: no such variable; did you mean $POLYSOCKET_RELAYD_LISTEN?",
    );
    env_says(
        "POLYSOCKET_relayd_listen",
        "x",
        "$POLYSOCKET_relayd_listen: no such variable; did you mean $POLYSOCKET_RELAYD_LISTEN?",
    );
    env_says(
        "POLYSOCKET_WHATEVER",
        "x",
        "$POLYSOCKET_WHATEVER: no such variable; unset it, or name a key of docs/CONFIG.md",
    );
    flag_says(
        "relay.listen",
        "x",
        "relay.listen (--set relay.listen): no such key; did you mean `relayd.listen`?",
    );
    flag_says("listen", "x", "listen (--set listen): no such key; did you mean `relayd.listen`?");
}

#[test]
fn wrong_types_in_the_file() {
    file_says(
        "[log]\nlevel = 5\nformat = 'xml'\n[relayd]\nlisten = 'localhost'\nsockets_max = '80'\nidle_time = 30\n\
         buffer = 'much'\nsample = 'half'\njsonp = 'true'\norigins = 'https://a.example'\nredis_url = 1979-05-27\n",
        &[
            "log.level (config.toml:2): takes text, not 5; put it in quotes",
            "log.format (config.toml:3): takes `text` or `json`, not \"xml\"",
            "relayd.listen (config.toml:5): takes an IP address and a port, as in `127.0.0.1:8080`, not \"localhost\"",
            "relayd.sockets_max (config.toml:6): takes a whole number from 0 to 65535, not \"80\"; write it without quotes",
            "relayd.idle_time (config.toml:7): takes a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\", not 30",
            "relayd.buffer (config.toml:8): takes a size such as 1048576, \"256KiB\", \"4MiB\" or \"1GiB\", not \"much\"",
            "relayd.sample (config.toml:9): takes a number, not \"half\"",
            "relayd.jsonp (config.toml:10): takes true or false, not \"true\"; write it without quotes",
            "relayd.origins (config.toml:11): takes a list of text, not \"https://a.example\"; put it in [ ]",
            "relayd.redis_url (config.toml:12): takes text, not a date (not shown: it may be a secret); put it in quotes",
        ],
    );
    file_says(
        "[relayd]\nsockets_max = 70000\n",
        &["relayd.sockets_max (config.toml:2): takes a whole number from 0 to 65535, not 70000"],
    );
    file_says(
        "[relayd]\nsockets_max = -1\n",
        &["relayd.sockets_max (config.toml:2): takes a whole number from 0 to 65535, not -1"],
    );
    file_says(
        "[relayd]\nsockets_max = 1.5\n",
        &["relayd.sockets_max (config.toml:2): takes a whole number from 0 to 65535, not 1.5"],
    );
    file_says(
        "[relayd]\nsockets_max = [1]\n",
        &["relayd.sockets_max (config.toml:2): takes a whole number from 0 to 65535, not a list"],
    );
    file_says(
        "[relayd]\nsockets_max = { of = 1 }\n",
        &["relayd.sockets_max (config.toml:2): takes a whole number from 0 to 65535, not a table"],
    );
    file_says(
        "[relayd]\nidle_time = '30 days'\nbuffer = -1\n",
        &[
            "relayd.idle_time (config.toml:2): takes a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\", not \"30 days\"",
            "relayd.buffer (config.toml:3): takes a size such as 1048576, \"256KiB\", \"4MiB\" or \"1GiB\", not -1",
        ],
    );
    file_says(
        "[relayd]\norigins = [\n  'https://a.example',\n  5,\n]\n",
        &["relayd.origins[1] (config.toml:4): takes text, not 5; put it in quotes"],
    );
    file_says(
        "[relayd]\nnode = 'a.b'\ntrusted = ['::1', 'x', '10.0.0.0/8']\n",
        &[
            "relayd.node (config.toml:2): takes text, not \"a.b\": a node's name has no dots",
            "relayd.trusted[1] (config.toml:3): takes a list of IP addresses; \"x\" does not fit",
            "relayd.trusted[2] (config.toml:3): takes a list of IP addresses; \"10.0.0.0/8\" does not fit",
        ],
    );
    file_says(
        &format!("[relayd]\nlisten = '{}'\n", "é".repeat(70)),
        &[
            "relayd.listen (config.toml:2): takes an IP address and a port, as in `127.0.0.1:8080`, not \"éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé\"...",
        ],
    );
}

#[test]
fn wrong_rows() {
    file_says(
        "[auth]\nrules = 5\n",
        &[
            "auth.rules (config.toml:2): takes a list of tables, not 5; write each one as [[auth.rules]] with its columns below",
        ],
    );
    file_says("[auth]\nrules = [5]\n", &["auth.rules[0] (config.toml:2): takes a table of columns, not 5"]);
    file_says(
        "[auth]\nweights = [{ north = 1 }, { south = 1000 }]\n",
        &[
            "auth.weights (config.toml:2): one of its tables cannot be read; docs/CONFIG.md says what they take",
        ],
    );
    file_says(
        "[auth.rules]\npattern = 'p'\n",
        &[
            "auth.rules (config.toml:1): takes a list of tables, not a table; write each one as [[auth.rules]] with its columns below",
        ],
    );
    file_says(
        "[[auth.rules]]\npattern = 'p'\nrate = 'fast'\n[[auth.rules]]\npattern = 5\nrate = -1\n\
         [[auth.rules.hops]]\nhost = 1\nport = 2\n",
        &[
            "auth.rules[0].rate (config.toml:3): takes a whole number from 0 to 4294967295, not \"fast\"",
            "auth.rules[1].pattern (config.toml:5): takes text, not 5; put it in quotes",
            "auth.rules[1].rate (config.toml:6): takes a whole number from 0 to 4294967295, not -1",
            "auth.rules[1].hops[0].host (config.toml:8): takes text, not 1; put it in quotes",
            "auth.rules[1].hops[0].port (config.toml:9): no such column; there are host",
        ],
    );
}

#[test]
fn wrong_texts_in_variables_and_flags() {
    env_says(
        "POLYSOCKET_RELAYD_SOCKETS_MAX",
        "many",
        "relayd.sockets_max ($POLYSOCKET_RELAYD_SOCKETS_MAX): takes a whole number from 0 to 65535, not \"many\"",
    );
    env_says(
        "POLYSOCKET_RELAYD_SOCKETS_MAX",
        "",
        "relayd.sockets_max ($POLYSOCKET_RELAYD_SOCKETS_MAX): takes a whole number from 0 to 65535, not \"\"; give it a value or leave it out",
    );
    env_says(
        "POLYSOCKET_RELAYD_LISTEN",
        "",
        "relayd.listen ($POLYSOCKET_RELAYD_LISTEN): takes an IP address and a port, as in `127.0.0.1:8080`, not \"\"; give it a value or leave it out",
    );
    env_says(
        "POLYSOCKET_RELAYD_JSONP",
        "yes",
        "relayd.jsonp ($POLYSOCKET_RELAYD_JSONP): takes true or false, not \"yes\"",
    );
    env_says(
        "POLYSOCKET_RELAYD_SAMPLE",
        "nan",
        "relayd.sample ($POLYSOCKET_RELAYD_SAMPLE): takes a number, not \"nan\"",
    );
    env_says(
        "POLYSOCKET_RELAYD_TRUSTED",
        "::1,x",
        "relayd.trusted[1] ($POLYSOCKET_RELAYD_TRUSTED): takes a list of IP addresses; \"x\" does not fit",
    );
    env_says(
        "POLYSOCKET_AUTH_RULES",
        "[]",
        "auth.rules ($POLYSOCKET_AUTH_RULES): holds tables, which only the file can give; write each one there as [[auth.rules]]",
    );
    flag_says(
        "relayd.idle_time",
        "5 days",
        "relayd.idle_time (--set relayd.idle_time): takes a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\", not \"5 days\"",
    );
    flag_says(
        "relayd.sockets_max",
        "70000",
        "relayd.sockets_max (--set relayd.sockets_max): takes a whole number from 0 to 65535, not 70000",
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text() {
    use std::os::unix::ffi::OsStringExt;
    let value = std::ffi::OsString::from_vec(vec![b'i', 0xff]);
    let env = polysocket_config::Environment::new([("POLYSOCKET_LOG_LEVEL", value)]);
    let layers = polysocket_config::Layers { env, ..Default::default() };
    let error = polysocket_config::load::<crate::fixture::Config>(&layers).expect_err("not UTF-8");
    assert_eq!(
        [error.to_string()],
        ["log.level ($POLYSOCKET_LOG_LEVEL): is not UTF-8 text; set it anew or unset it"]
    );
}

#[test]
fn checks_name_where_the_value_came_from() {
    file_says(
        "[log]\nlevel = 'x'\n[relayd]\nidle_time = '500ms'\n",
        &["relayd.idle_time (config.toml:4): too short; give it 1s or more"],
    );
    env_says(
        "POLYSOCKET_RELAYD_IDLE_TIME",
        "0s",
        "relayd.idle_time ($POLYSOCKET_RELAYD_IDLE_TIME): too short; give it 1s or more",
    );
    flag_says(
        "relayd.idle_time",
        "0s",
        "relayd.idle_time (--set relayd.idle_time): too short; give it 1s or more",
    );
    file_says(
        "[log]\nlevel = 'trace'\n",
        &["log.format (default): nobody reads so much; use json for the level trace"],
    );
    // The environment hides the file; a section has no source.
    let given = Given {
        file: "[relayd]\nsockets_max = 7\n",
        env: &[("POLYSOCKET_RELAYD_SOCKETS_MAX", "0")],
        flags: &[("relayd.origins", "")],
    };
    assert_eq!(
        given.errors(),
        [
            "relayd.sockets_max ($POLYSOCKET_RELAYD_SOCKETS_MAX): 0 serves nobody; raise it",
            "relayd.origins (--set relayd.origins): nobody may come; name one",
            "relayd: it would do nothing"
        ]
    );
    file_says(
        "[[auth.rules]]\npattern = 'p'\n\n[[auth.rules]]\nrate = 0\n",
        &[
            "auth.rules[1].pattern (config.toml:4): a rule needs a pattern; name one",
            "auth.rules[1].rate (config.toml:5): 0 forbids the rule's targets; raise it or remove the rule",
        ],
    );
}

#[test]
fn everything_at_once() {
    let given = Given {
        file: "[relayd]\nlisten = 1\nidle_time = '0s'\nlissten = 2\n[log]\nformat = 'xml'\n[[auth.rules]]\nrate = 1\n",
        env: &[("POLYSOCKET_LOG_LEVL", "x"), ("POLYSOCKET_RELAYD_JSONP", "maybe")],
        flags: &[("relayd.sample", "x"), ("nothing", "x")],
    };
    assert_eq!(
        given.errors(),
        [
            "relayd.listen (config.toml:2): takes an IP address and a port, as in `127.0.0.1:8080`, not 1; put it in quotes",
            "relayd.lissten (config.toml:4): no such key; did you mean `relayd.listen`?",
            "log.format (config.toml:6): takes `text` or `json`, not \"xml\"",
            "$POLYSOCKET_LOG_LEVL: no such variable; did you mean $POLYSOCKET_LOG_LEVEL?",
            "relayd.jsonp ($POLYSOCKET_RELAYD_JSONP): takes true or false, not \"maybe\"",
            "relayd.sample (--set relayd.sample): takes a number, not \"x\"",
            "nothing (--set nothing): no such key; write section.key=value with a key of docs/CONFIG.md",
            "auth.rules[0].pattern (config.toml:7): a rule needs a pattern; name one"
        ]
    );
    // A file that is not TOML hides nothing of the other layers, and no section is checked without it.
    let given =
        Given { file: "[relayd\n", flags: &[("relayd.sample", "x"), ("relayd.idle_time", "0s")], env: &[] };
    assert_eq!(
        given.errors(),
        [
            "config.toml:1:8: this is not TOML: unclosed table, expected `]`",
            "relayd.sample (--set relayd.sample): takes a number, not \"x\""
        ]
    );
    // A value hidden by a later layer is still found.
    let given = Given { file: "[relayd]\nsample = 'x'\n", flags: &[("relayd.sample", "0.1")], env: &[] };
    assert_eq!(given.errors(), ["relayd.sample (config.toml:2): takes a number, not \"x\""]);
}

#[test]
fn secrets_are_not_shown() {
    file_says(
        "[auth]\njwt_secret = 12345\n",
        &[
            "auth.jwt_secret (config.toml:2): takes text, not a number (not shown: it may be a secret); put it in quotes",
        ],
    );
    file_says(
        "[auth]\ntoken_time = 'hunter2'\n",
        &[
            "auth.token_time (config.toml:2): takes a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\", not text (not shown: it may be a secret)",
        ],
    );
    env_says(
        "POLYSOCKET_AUTH_TOKEN_TIME",
        "hunter2",
        "auth.token_time ($POLYSOCKET_AUTH_TOKEN_TIME): takes a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\", not text (not shown: it may be a secret)",
    );
    file_says(
        "[relayd]\nredis_url = 'http://:hunter2@localhost'\n",
        &["relayd.redis_url (config.toml:2): `(hidden)` is no redis:// URL"],
    );
    file_says(
        "[[auth.rules]]\npattern = 'p'\nsigning_key = 'hunter2'\n",
        &["auth.rules[0].signing_key (config.toml:3): (hidden) is shorter than 16 bytes; take a longer one"],
    );
    file_says(
        "[[auth.rules]]\npattern = 'p'\nsigning_key = 123456\n",
        &[
            "auth.rules[0].signing_key (config.toml:3): takes text, not a number (not shown: it may be a secret); put it in quotes",
        ],
    );
    file_says(
        "[[auth.tokens]]\nname = 5\nkey = 123456\n",
        &[
            "auth.tokens[0].name (config.toml:2): takes text, not 5; put it in quotes",
            "auth.tokens[0].key (config.toml:3): takes text, not a number (not shown: it may be a secret); put it in quotes",
        ],
    );
    file_says(
        "jwt_secret = 'hunter2\n",
        &["config.toml:1:22: this is not TOML: invalid literal string, expected `'`"],
    );
    file_says(
        "[auth]\njwt_secre = 'hunter2'\n",
        &["auth.jwt_secre (config.toml:2): no such key; did you mean `auth.jwt_secret`?"],
    );
}
