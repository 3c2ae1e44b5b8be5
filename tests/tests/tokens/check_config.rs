//! What is said of a wrong configuration.

use std::path::Path;

use crate::{Files, Ran, polysocket};

/// `check-config` on a file; what it says.
async fn check(path: &Path) -> Ran {
    polysocket(&["check-config", "--config", &path.display().to_string()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_names_key_file_and_fix() {
    let files = Files::new();
    for (name, text, expected) in [
        (
            "unknown.toml",
            "[router]\nlisten = [\"127.0.0.1:0\"]\nanonymus = true\n",
            &["router.anonymus", ":3", "anonymous"][..],
        ),
        ("section.toml", "[relay]\nname = \"x\"\n", &["relay", "relayd"]),
        (
            "type.toml",
            "[router]\nanonymous = true\ncreate_timeout = 5\n",
            &["router.create_timeout", ":3", "5s"],
        ),
        (
            "range.toml",
            "[router]\nanonymous = true\ncreate_timeout = \"60s\"\n",
            &["router.create_timeout", ":3", "10s"],
        ),
        (
            "node.toml",
            "[router]\nanonymous = true\n[relayd]\nname = \"Tom!\"\n",
            &["relayd.name", ":4", "a-z"],
        ),
        ("closed.toml", "[relayd]\nname = \"tom\"\n", &["auth.keys", "router.anonymous = true"]),
        (
            "weak.toml",
            "[[auth.keys]]\nalgorithm = \"HS256\"\nsecret = \"hunter2\"\n",
            &["auth.keys[0].secret", "32"],
        ),
        (
            "both.toml",
            "[router]\nanonymous = true\n[relayd]\ntls_listen = [\"127.0.0.1:0\"]\n",
            &["relayd.tls_listen", "relayd.tls_certificate"],
        ),
        (
            "pattern.toml",
            "[router]\nanonymous = true\n[targets]\nallow = [\"ftp://x\"]\n",
            &["targets.allow", "ftp"],
        ),
        (
            "ca.toml",
            "[router]\nanonymous = true\n[targets]\nupstream_ca = \"/nowhere.pem\"\n",
            &["targets.upstream_ca", "/nowhere.pem", "PEM"],
        ),
        (
            "anywhere.toml",
            "[router]\nanonymous = true\n[registry]\nurl = \"redis://127.0.0.1\"\n\
             [relayd]\nlisten = [\"0.0.0.0:80\"]\none_host = \"relay.example.com\"\n",
            &["relayd.internal_url", "http://"],
        ),
        (
            "secure.toml",
            "[router]\nanonymous = true\n[relayd]\ninternal_url = \"https://10.0.0.7\"\n",
            &["relayd.internal_url", "http://"],
        ),
        ("syntax.toml", "[router\n", &[":1"]),
        ("level.toml", "[router]\nanonymous = true\n[log]\nformat = \"xml\"\n", &["log.format", "json"]),
    ] {
        let path = files.write(name, text);
        let ran = check(Path::new(&path)).await;
        assert_eq!(ran.code, Some(64), "{name}: {}{}", ran.out, ran.err);
        for part in expected {
            assert!(ran.err.contains(part), "{name}: {part:?} is not in: {}", ran.err);
        }
        // Where the problem concerns a value of a file, the file is named.
        if expected.iter().any(|part| part.starts_with(':')) {
            assert!(ran.err.contains(name), "{name}: {}", ran.err);
        }
        assert!(!ran.err.contains("hunter2"), "a secret is told: {}", ran.err);
    }
    // All problems at once.
    let path = files
        .write("many.toml", "[router]\nanonymous = 1\ncreate_timeout = \"60s\"\n[log]\nformat = \"xml\"\n");
    let ran = check(Path::new(&path)).await;
    for key in ["router.anonymous", "log.format"] {
        assert!(ran.err.contains(key), "{}", ran.err);
    }
    // Programs say the same at their start, before they do anything.
    for command in ["dev", "router", "relayd"] {
        let ran = polysocket(&[command, "--config", &path]).await;
        assert_eq!(ran.code, Some(64), "{command}: {}", ran.err);
        assert!(ran.err.contains("router.anonymous"), "{command}: {}", ran.err);
    }
    let missing = files.path("missing.toml");
    let ran = check(&missing).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("missing.toml"), "{}", ran.err);
    let ran = polysocket(&["check-config", "--set", "router.anonymous=perhaps"]).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("router.anonymous") && ran.err.contains("--set"), "{}", ran.err);

    // Of each part what that part needs.
    let path = files.write("hub.toml", "[hub]\nprotocols = [\"pogo\"]\n[pogo]\nlisten = [\":8080\"]\n");
    let only = async |parts: &str| polysocket(&["check-config", "--for", parts, "--config", &path]).await;
    let (hub, router, both) = (only("hub").await, only("router").await, only("router,hub").await);
    assert!(hub.err.contains("pogo.upstream") && !hub.err.contains("auth.keys"), "{}", hub.err);
    assert!(router.err.contains("auth.keys") && !router.err.contains("pogo.upstream"), "{}", router.err);
    assert!(both.err.contains("auth.keys") && both.err.contains("pogo.upstream"), "{}", both.err);
    assert_eq!(only("relayd").await.code, Some(0));

    let path = files.write("good.toml", "[router]\nanonymous = true\n");
    let ran = check(Path::new(&path)).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    // What it prints as an example is good itself.
    let example = polysocket(&["check-config", "--print", "example"]).await.out;
    let path = files.write("example.toml", &example);
    let ran = polysocket(&["check-config", "--config", &path, "--set", "router.anonymous=true"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
