//! What `deploy` and `docs/OPERATIONS.md` say is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(place(path)).expect("read")
}

fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn the_configuration_of_a_cluster_can_be_used() {
    let folder = std::env::temp_dir().join(format!("polysocket-deploy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("made");
    let key = |name: &str| folder.join(name).display().to_string();
    let made = rcgen::generate_simple_self_signed(vec!["tom.example.com".to_owned()]).expect("made");
    let text = read("deploy/cluster.toml").replace("/etc/polysocket", &folder.display().to_string());
    for name in ["router", "relay", "hub"] {
        std::fs::write(key(&format!("{name}.pem")), made.cert.pem()).expect("written");
        std::fs::write(key(&format!("{name}.key")), made.signing_key.serialize_pem()).expect("written");
    }
    std::fs::write(key("cluster.toml"), text).expect("written");
    let common = [
        ("POLYSOCKET_CLUSTER_SECRET", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("POLYSOCKET_REGISTRY_URL", "redis://:password@redis.internal:6379"),
    ];
    let relay = [("POLYSOCKET_RELAYD_NAME", "tom"), ("POLYSOCKET_RELAYD_ADDRESS", "tom.example.com")];
    let hub = [
        ("POLYSOCKET_BROKER_URL", "redis://:password@redis.internal:6379"),
        ("POLYSOCKET_GOCKETS_ADMIN_TOKEN", "0123456789abcdef"),
    ];
    // Each has what it needs in its environment, and nothing else.
    for (part, own) in [("router", &[][..]), ("relayd", &relay[..]), ("hub", &hub[..])] {
        let checked = Command::new(env!("CARGO_BIN_EXE_polysocket"))
            .args(["check-config", "--for", part, "--config", &key("cluster.toml")])
            .env_remove("POLYSOCKET_BIN")
            .envs(common.iter().chain(own).copied())
            .output()
            .expect("run");
        assert!(checked.status.success(), "{part}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Names of metrics in a text, without what a label or a histogram adds.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("polysocket_")).map(str::to_owned).collect()
}

#[test]
fn metrics_that_operators_are_told_of_exist() {
    let known = metrics(&read("docs/METRICS.md"));
    for page in ["deploy/alerts.yml", "docs/OPERATIONS.md"] {
        let named = metrics(&read(page));
        assert!(named.len() > 3, "{page}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{page}: {unknown:?}");
    }
}

#[test]
fn every_alert_is_explained() {
    let (rules, page) = (read("deploy/alerts.yml"), read("docs/OPERATIONS.md"));
    let alerts: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5);
    for alert in alerts {
        assert!(page.contains(&format!("| `{alert}` |")), "{alert}");
    }
}
