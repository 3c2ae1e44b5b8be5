//! A PostgreSQL server of the test's own, which can be killed, stopped, and come back on the same port.
#![allow(clippy::unwrap_used)]

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::ports::{TempDir, free_port};
use crate::process::Process;

/// How long a server may take to start, also after a crash.
const START_MAX: Duration = Duration::from_secs(30);
/// A server does not run as root.
const USER: &str = "postgres";

/// A running server; it ends with this.
#[derive(Debug)]
pub struct PostgresServer {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    folder: TempDir,
    process: Process,
    settings: Vec<String>,
}

impl PostgresServer {
    /// With its own settings.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings as in `postgresql.conf`.
    pub async fn with(settings: &[&str]) -> Self {
        Self::prepared(settings, |_| ()).await
    }

    /// The same, where the test has files of its own in the server's folder: `prepare` makes them before it starts.
    pub async fn prepared(settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let (port, folder) = (free_port().unwrap(), TempDir::new().unwrap());
        run(Command::new("cp").arg("-a").arg(template().await).arg(data(&folder))).await;
        prepare(&data(&folder));
        if is_root() {
            run(Command::new("chown").arg("-R").arg(USER).arg(folder.path())).await;
        }
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let process = launch(port, &folder, &settings).await;
        Self { port, folder, process, settings }
    }

    /// For its superuser and first database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// SIGKILL to all of its processes: connections break, what was not written is gone.
    pub async fn kill(&mut self) {
        self.signal("KILL").await;
        let _ = self.process.wait(START_MAX).await;
    }

    /// SIGSTOP to all of its processes: connections stay and nothing answers.
    pub async fn freeze(&self) {
        self.signal("STOP").await;
    }

    /// Ends that.
    pub async fn thaw(&self) {
        self.signal("CONT").await;
    }

    /// Kills it, if it runs, and starts it on the same port with the same data.
    pub async fn restart(&mut self) {
        if self.process.is_running() {
            self.kill().await;
        }
        self.process = launch(self.port, &self.folder, &self.settings).await;
    }

    async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        // The server first, so that it starts no more children.
        self.process.signal(name).await.unwrap();
        let _ = Command::new("pkill").args([&format!("-{name}"), "-P", &id]).status().await.unwrap();
    }

    /// A client of the database, beside the bridge.
    pub async fn client(&self) -> tokio_postgres::Client {
        self.client_of("postgres").await
    }

    /// A client of another database.
    pub async fn client_of(&self, database: &str) -> tokio_postgres::Client {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// PostgreSQL's own client.
    pub fn psql(&self) -> Command {
        let mut command = Command::new(binaries().join("psql"));
        command.args(["-X", "-v", "ON_ERROR_STOP=1", &self.url()]);
        command
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn data(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

/// Where `initdb` and `postgres` are: Debian does not put them into the path.
fn binaries() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()))
        .filter(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()))
        .collect();
    found.sort();
    found.into_iter().next_back().expect("PostgreSQL's server has to be installed for these tests")
}

/// The same program, but not as root.
fn server_program(name: &str) -> Command {
    let program = binaries().join(name);
    if !is_root() {
        return Command::new(program);
    }
    // It becomes the program: its process id is that of the server.
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    command
}

async fn run(command: &mut Command) {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A fresh cluster, made once for all runs: that takes seconds.
async fn template() -> &'static Path {
    static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let version = Command::new(binaries().join("postgres")).arg("--version").output().await.unwrap();
            let version = String::from_utf8_lossy(&version.stdout).trim().replace([' ', '(', ')', '/'], "_");
            let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(".cache/cluster-{version}"));
            if kept.exists() {
                return kept;
            }
            std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
            let folder = TempDir::new().unwrap();
            if is_root() {
                run(Command::new("chown").arg(USER).arg(folder.path())).await;
            }
            let mut initdb = server_program("initdb");
            initdb.args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C", "-D"]);
            run(initdb.arg(data(&folder)).current_dir("/")).await;
            // Moved as a whole: another process may be making one, too.
            let fresh = kept.with_extension(std::process::id().to_string());
            run(Command::new("cp").arg("-a").arg(data(&folder)).arg(&fresh)).await;
            if std::fs::rename(&fresh, &kept).is_err() {
                std::fs::remove_dir_all(&fresh).unwrap();
            }
            kept
        })
        .await
}

async fn launch(port: u16, folder: &TempDir, settings: &[String]) -> Process {
    for _ in 0..50 {
        match try_launch(port, folder, settings).await {
            Ok(process) => return process,
            // Children of one that was killed may hold its memory for moments more.
            Err(error) if error.to_string().contains("pre-existing shared memory") => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("an older server on this folder does not end");
}

async fn try_launch(port: u16, folder: &TempDir, settings: &[String]) -> io::Result<Process> {
    let mut command = server_program("postgres");
    command.arg("-D").arg(data(folder)).arg("-k").arg(folder.path()).args(["-p", &port.to_string()]);
    for setting in ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=100"] {
        command.args(["-c", setting]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut process = Process::spawn(format!("postgres :{port}"), command.current_dir("/"))?;
    let ready = |line: &str| line.contains("ready to accept connections").then_some(());
    process.wait_for(START_MAX, ready).await?;
    Ok(process)
}
