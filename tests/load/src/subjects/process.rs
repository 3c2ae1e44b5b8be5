//! A child process that lives as long as its handle.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::error::{Error, Result, doing, within};
use crate::measure::CpuClock;

/// From the start of a process to its first accepted connection.
const START_DEADLINE: Duration = Duration::from_secs(10);
const PROBE_INTERVAL: Duration = Duration::from_millis(5);

pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub clock: CpuClock,
}

impl Process {
    /// Starts what `command` makes of a free address; `spawn` decides on which core.
    /// What it prints to stdout is dropped, as a full pipe would stop it.
    pub fn start(
        command: impl FnOnce(SocketAddr) -> Command,
        spawn: impl FnOnce(&mut Command) -> Result<std::io::Result<Child>>,
    ) -> Result<Self> {
        let address = free_address()?;
        let mut command = command(address);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let program = command.get_program().to_owned();
        let child = spawn(&mut command)?
            .map_err(|error| Error::Setup(format!("start {}: {error}", program.display())))?;
        let clock = CpuClock::of(child.id())?;
        Ok(Self { child, address, clock })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process accepts connections.
    pub async fn listening(&mut self) -> Result<()> {
        within(START_DEADLINE, "a process to listen", async {
            while TcpStream::connect(self.address).await.is_err() {
                if let Some(status) = self.child.try_wait().map_err(doing("look after a process"))? {
                    return Err(Error::Setup(format!("a process ended before it listened: {status}")));
                }
                tokio::time::sleep(PROBE_INTERVAL).await;
            }
            Ok(())
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killed, not asked: nothing of it is kept, and thousands of sessions
        // would have to be closed first.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Free at this moment; the child binds it a few milliseconds later.
fn free_address() -> Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing("find a free port"))?;
    probe.local_addr().map_err(doing("find a free port"))
}
