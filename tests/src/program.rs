//! The program under test, as an operator starts it.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use crate::process::Process;

/// How long the program may take until it listens.
const START_MAX: Duration = Duration::from_secs(15);
/// How long it may take to stop after a SIGTERM, drain included.
const STOP_MAX: Duration = Duration::from_secs(30);
/// What stands before the address on standard output.
const LISTENING: &str = "listening on http://";

/// A running `polysocket`.
#[derive(Debug)]
pub struct Program {
    address: SocketAddr,
    process: Process,
}

/// Where the program is: `POLYSOCKET_BIN`, or what cargo built beside the test.
pub fn path() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("POLYSOCKET_BIN") {
        return Ok(path.into());
    }
    // The test is target/{profile}/deps/name-hash.
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).map(PathBuf::from).unwrap_or_default();
    let profile = test.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let places =
        [profile.join("polysocket"), target.join("release/polysocket"), target.join("debug/polysocket")];
    places.iter().find(|place| place.is_file()).cloned().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "there is no program at {places:?}: run `cargo build -p polysocket`, or set POLYSOCKET_BIN"
            ),
        )
    })
}

impl Program {
    /// Starts it with these arguments and waits until it listens.
    pub async fn start<A: AsRef<OsStr>>(name: &str, arguments: &[A]) -> io::Result<Self> {
        let mut command = Command::new(path()?);
        command.args(arguments);
        Self::start_command(name, &mut command).await
    }

    /// Starts any command that says where it listens, and waits for it.
    pub async fn start_command(name: &str, command: &mut Command) -> io::Result<Self> {
        // It is for this harness; the program refuses variables of its own prefix that are no keys.
        let mut process = Process::spawn(name, command.env_remove("POLYSOCKET_BIN"))?;
        let find = |line: &str| {
            let at = line.find(LISTENING)? + LISTENING.len();
            line[at..].split([' ', '/', '"']).next()?.parse().ok()
        };
        let address = process.wait_for(START_MAX, find).await?;
        Ok(Self { address, process })
    }

    /// The first address that it said it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The child itself: its log, its signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// SIGTERM, and waits for the end in order.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.process.terminate().await?;
        let status = self.process.wait(STOP_MAX).await?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("the program ended with {status}\n{}", self.process.tail())))
    }
}
