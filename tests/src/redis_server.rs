//! A redis-server of the test's own, which can be killed and come back on the same port.

use std::io;
use std::time::Duration;

use tokio::process::Command;

use crate::ports::{TempDir, free_port};
use crate::process::Process;

/// How long a server without data may take to start.
const START_MAX: Duration = Duration::from_secs(10);

/// A running redis-server, without persistence.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Process,
}

impl RedisServer {
    /// Starts one on a free port of the loopback.
    pub async fn start() -> io::Result<Self> {
        let (port, folder) = (free_port()?, TempDir::new()?);
        let process = launch(port, &folder).await?;
        Ok(Self { port, folder, process })
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: connections break, data is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// SIGSTOP: connections stay and nothing answers.
    pub async fn freeze(&self) -> io::Result<()> {
        self.process.signal("STOP").await
    }

    /// SIGCONT.
    pub async fn thaw(&self) -> io::Result<()> {
        self.process.signal("CONT").await
    }

    /// Starts it again, empty, on the same port.
    pub async fn restart(&mut self) -> io::Result<()> {
        if self.process.is_running() {
            self.process.kill().await?;
        }
        self.process = launch(self.port, &self.folder).await?;
        Ok(())
    }
}

async fn launch(port: u16, folder: &TempDir) -> io::Result<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
    command.arg("--dir").arg(folder.path());
    let mut process = Process::spawn(format!("redis-server :{port}"), &mut command)?;
    process.wait_for(START_MAX, |line| line.contains("Ready to accept connections").then_some(())).await?;
    Ok(process)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ping(port: u16) -> io::Result<[u8; 7]> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_dies_and_comes_back_on_the_same_port() {
        let mut server = RedisServer::start().await.unwrap();
        assert_eq!(&ping(server.port).await.unwrap(), b"+PONG\r\n");
        server.kill().await.unwrap();
        assert!(ping(server.port).await.is_err());
        server.restart().await.unwrap();
        assert_eq!(&ping(server.port).await.unwrap(), b"+PONG\r\n");
    }
}
