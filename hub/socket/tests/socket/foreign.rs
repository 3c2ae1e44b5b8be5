//! Clients that others wrote: `ws` on Node and `websockets` on Python, the same that the whole-system tests use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use polysocket_socket::Cause;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::{Hub, PATIENCE};

/// Installing downloads a package or two.
const INSTALL_MAX: Duration = Duration::from_secs(180);

fn system_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

async fn run(command: &mut Command, within: Duration) -> String {
    let output = timeout(within, command.kill_on_drop(true).output()).await.expect("in time").unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// How often each cause was seen.
async fn causes(hub: &mut Hub, connections: usize) -> Vec<Cause> {
    let mut causes = Vec::new();
    for _ in 0..connections {
        causes.push(hub.closed().await.cause);
    }
    causes
}

#[tokio::test]
async fn ws_on_node() {
    let folder = system_tests().join("upstreams");
    if !folder.join("node_modules/ws").is_dir() {
        run(Command::new("npm").args(["ci", "--ignore-scripts"]).current_dir(&folder), INSTALL_MAX).await;
    }
    let mut hub = Hub::start(|_| ());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/ws.mjs");
    let said = run(Command::new("node").arg(script).arg(hub.url()).arg(folder), PATIENCE).await;
    assert_eq!(said, "ok\n");
    let expected = [Cause::Client, Cause::Protocol, Cause::Client, Cause::TooBig];
    assert_eq!(causes(&mut hub, 4).await, expected);
}

#[tokio::test]
async fn websockets_on_python() {
    let packages = system_tests().join(".cache/python");
    if !packages.join("websockets").is_dir() {
        let mut install = Command::new("python3");
        install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--target"]).arg(&packages);
        run(install.arg("-r").arg(system_tests().join("upstreams/requirements.txt")), INSTALL_MAX).await;
    }
    let mut hub = Hub::start(|_| ());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/websockets_client.py");
    let mut client = Command::new("python3");
    let said = run(client.arg(script).arg(hub.url()).env("PYTHONPATH", packages), PATIENCE).await;
    assert_eq!(said, "ok\n");
    assert_eq!(causes(&mut hub, 3).await, [Cause::Client, Cause::Protocol, Cause::TooBig]);
}
