//! A client that others wrote: `websockets` on Python.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::bed::Bed;

/// Installing downloads one package.
const INSTALL_MAX: Duration = Duration::from_secs(180);
const RUN_MAX: Duration = Duration::from_secs(60);

/// The library, in the version that the whole-system tests pin, installed once for this target folder.
async fn library() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rocket-python");
    if !folder.join("websockets").is_dir() {
        let requirements =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upstreams/requirements.txt");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
        pip.arg("--target").arg(&folder).arg("-r").arg(requirements).kill_on_drop(true);
        let installed = timeout(INSTALL_MAX, pip.status()).await.expect("installed in time").unwrap();
        assert!(installed.success(), "pip could not install websockets");
    }
    folder
}

#[tokio::test]
async fn python() {
    let bed = Bed::start().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/conversation.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(format!("ws://{}/echo", bed.address)).env("PYTHONPATH", library().await);
    let run = timeout(RUN_MAX, python.kill_on_drop(true).output()).await.expect("done in time").unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    assert_eq!(out.lines().last(), Some("all 25 steps as documented"), "{out}");
}

/// The blocks of `docs/ROCKET.md` in one language.
fn documented(language: &str) -> Vec<&'static str> {
    let page = include_str!("../../../../docs/ROCKET.md");
    let start = format!("```{language}\n");
    page.split(start.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block))
        .collect()
}

/// The quick start of the documentation, as it is there, in Node's own WebSocket.
#[tokio::test]
async fn the_documented_javascript() {
    let bed = Bed::start().await;
    let block = documented("js")[0];
    assert!(block.contains("ws://localhost:9772/echo"));
    let script = block.replace("localhost:9772", &bed.address);
    // It ends with what it hears.
    let script = format!(
        "{script}\nconst log = console.log; console.log = (...said) => {{ log(...said); ws.close(); }};"
    );
    let mut node = Command::new("node");
    // Node 20 has it behind a flag.
    node.args(["--experimental-websocket", "--no-warnings", "--input-type=module", "-e", &script]);
    let run = timeout(RUN_MAX, node.kill_on_drop(true).output()).await.expect("done in time").unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(out.trim(), "news hello { text: 'hi' }", "{err}");
}

/// The configuration files of the documentation can be used.
#[tokio::test]
async fn the_documented_configuration() {
    let toml = documented("toml")[0].replacen("[rocket]", "", 1).replace("rocket.hubs", "hubs");
    let mut config: polysocket_rocket::RocketConfig = polysocket_config::toml::from_str(&toml).unwrap();
    let mut problems = Vec::new();
    polysocket_config::Section::check(&config, &mut problems);
    assert_eq!(problems, []);
    config.listen = vec!["localhost:0".into()];
    // Without optimisation a hash of this cost takes seconds.
    config.hash_check_timeout = polysocket_config::Span::seconds(60);
    let bed = Bed::with(|setup| setup.rocket = config).await;
    bed.backend().await.subscribe("c").await;

    let json = documented("json").into_iter().find(|block| block.contains("Hubs")).unwrap();
    let (config, ignored) = polysocket_rocket::from_original(json).unwrap();
    assert_eq!((config.hubs.len(), ignored), (1, Vec::new()));
}
