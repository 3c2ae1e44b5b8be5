//! WebSocket servers that others wrote, so that the relay is not only tested against this harness:
//! `ws` on Node and `websockets` on Python, installed once from their lock files into `tests/.cache`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::process::Process;

/// Installing downloads a package or two.
const INSTALL_MAX: Duration = Duration::from_secs(180);
const START_MAX: Duration = Duration::from_secs(20);

/// One installation at a time in this process; between processes the rename decides.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// An echo server of somebody else; killed when it is dropped.
///
/// It chooses the first of `chat` and `superchat` that is offered, and on the text `close CODE REASON` it closes so.
#[derive(Debug)]
pub struct Foreign {
    port: u16,
    _process: Process,
}

impl Foreign {
    /// `ws` on Node.
    pub async fn ws() -> io::Result<Self> {
        let files = ["package.json", "package-lock.json", "ws-echo.mjs"];
        let folder = install("node", &files, |folder| {
            let mut command = Command::new("npm");
            command.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder);
            command
        });
        let script = folder.await?.join("ws-echo.mjs");
        Self::start("ws", Command::new("node").arg(script)).await
    }

    /// `websockets` on Python.
    pub async fn websockets() -> io::Result<Self> {
        let files = ["requirements.txt", "websockets_echo.py"];
        let folder = install("python", &files, |folder| {
            let mut command = Command::new("python3");
            command.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--target", "packages"]);
            command.args(["-r", "requirements.txt"]).current_dir(folder);
            command
        });
        let folder = folder.await?;
        let mut command = Command::new("python3");
        command.arg(folder.join("websockets_echo.py")).env("PYTHONPATH", folder.join("packages"));
        Self::start("websockets", &mut command).await
    }

    async fn start(name: &str, command: &mut Command) -> io::Result<Self> {
        let mut process = Process::spawn(name, command)?;
        let port =
            process.wait_for(START_MAX, |line| line.strip_prefix("port ")?.trim().parse().ok()).await?;
        Ok(Self { port, _process: process })
    }

    /// The WebSocket URL.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }
}

/// Copies files to a folder that is named by their content, installs there, and gives the folder.
async fn install(name: &str, files: &[&str], command: impl Fn(&Path) -> Command) -> io::Result<PathBuf> {
    let _one = INSTALLING.lock().await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contents = files
        .iter()
        .map(|file| std::fs::read(here.join("upstreams").join(file)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    let cache = here.join(".cache");
    let ready = cache.join(format!("{name}-{:016x}", hasher.finish()));
    if ready.is_dir() {
        return Ok(ready);
    }
    let building = cache.join(format!("{name}-{}.new", std::process::id()));
    std::fs::create_dir_all(&building)?;
    for (file, content) in files.iter().zip(&contents) {
        std::fs::write(building.join(file), content)?;
    }
    let mut command = command(&building);
    let output = timeout(INSTALL_MAX, command.kill_on_drop(true).output())
        .await
        .map_err(|_| io::Error::other(format!("{command:?} takes longer than {INSTALL_MAX:?}")))??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{command:?}: {}\n{said}", output.status)));
    }
    // Another process may have been first: then its folder is as good.
    if std::fs::rename(&building, &ready).is_err() && ready.is_dir() {
        std::fs::remove_dir_all(&building)?;
    }
    Ok(ready)
}
