//! `json-server`, a REST API that others wrote: node and the packages of `tests/upstreams`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use polysocket_tests::ask::{ask, try_ask};
use polysocket_tests::ports::{TempDir, free_port};
use polysocket_tests::process::Process;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::bed::eventually;

/// One installation at a time in this process; between processes the rename decides.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// A folder with the packages of the lock file, installed once.
async fn installed() -> PathBuf {
    let _one = INSTALLING.lock().await;
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upstreams");
    let files =
        ["package.json", "package-lock.json"].map(|name| (name, std::fs::read(from.join(name)).unwrap()));
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    let ready = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("upstreams-{:016x}", hasher.finish()));
    if ready.is_dir() {
        return ready;
    }
    let building = ready.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&building).unwrap();
    for (name, content) in &files {
        std::fs::write(building.join(name), content).unwrap();
    }
    let mut command = Command::new("npm");
    command
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&building)
        .kill_on_drop(true);
    let output = timeout(Duration::from_secs(180), command.output()).await.expect("npm in time").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another process may have been first: then its folder is as good.
    if std::fs::rename(&building, &ready).is_err() && ready.is_dir() {
        std::fs::remove_dir_all(&building).unwrap();
    }
    ready
}

pub struct JsonServer {
    pub url: String,
    pub address: std::net::SocketAddr,
    _process: Process,
    _dir: TempDir,
}

impl JsonServer {
    /// With these collections.
    pub async fn with(data: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("db.json");
        std::fs::write(&file, data).unwrap();
        let port = free_port().unwrap();
        let program = installed().await.join("node_modules/json-server/lib/cli/bin.js");
        let mut command = Command::new("node");
        command.arg(program).args(["--host", "127.0.0.1", "--quiet", "--port", &port.to_string()]).arg(&file);
        let process = Process::spawn("json-server", &mut command).unwrap();
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        eventually("json-server answers", async || try_ask(address, "GET", "/db", &[], b"").await.is_ok())
            .await;
        Self { url: format!("http://127.0.0.1:{port}"), address, _process: process, _dir: dir }
    }

    /// A change that Pogo has no part in.
    pub async fn change(&self, method: &str, path: &str, body: &str) -> u16 {
        let headers = [("Content-Type", "application/json")];
        ask(self.address, method, path, &headers, body.as_bytes()).await.status()
    }
}
