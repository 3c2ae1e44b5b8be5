//! The servers that are compared, each with the few words of its protocol that a broadcast needs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::measure::Cores;
use crate::subjects::Process;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Subject {
    /// One `send(2)` to each, and nothing else.
    Floor,
    /// The hub's connections and broker.
    Hub,
    /// npm ws.
    Ws,
    /// socket.io over WebSockets.
    Socketio,
}

/// Where the programs are.
pub struct Programs {
    pub own: PathBuf,
    pub hub: PathBuf,
    pub load: PathBuf,
}

impl Programs {
    pub fn node_modules(&self) -> PathBuf {
        self.load.join("node_modules")
    }

    /// Says what to do when a subject's program is not there.
    pub fn check(&self, subject: Subject) -> Result<()> {
        let (missing, remedy) = match subject {
            Subject::Floor => return Ok(()),
            Subject::Hub => (self.hub.clone(), "build it (cargo build --release -p polysocket-load)"),
            Subject::Ws | Subject::Socketio => {
                (self.node_modules().join(subject.package()), "run npm ci in tests/load")
            }
        };
        if missing.exists() {
            return Ok(());
        }
        let name = subject.name();
        let missing = missing.display();
        Err(Error::Setup(format!("{name} needs {missing}: {remedy}, or leave it out with --subjects")))
    }
}

impl Subject {
    pub const ALL: [Self; 4] = [Self::Floor, Self::Hub, Self::Ws, Self::Socketio];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Hub => "hub",
            Self::Ws => "ws",
            Self::Socketio => "socket.io",
        }
    }

    fn package(self) -> &'static str {
        if self == Self::Socketio { "socket.io" } else { "ws" }
    }

    /// Starts it alone on its core, and waits until it listens.
    pub async fn start(self, programs: &Programs, cores: Cores) -> Result<Process> {
        let command = |listen: SocketAddr| {
            let mut command = match self {
                Self::Floor => {
                    let mut command = Command::new(&programs.own);
                    command.args(["floor", "--listen"]);
                    command
                }
                Self::Hub => Command::new(&programs.hub),
                Self::Ws | Self::Socketio => {
                    let script = if self == Self::Ws { "ws-fanout.js" } else { "socketio-fanout.js" };
                    let mut command = Command::new("node");
                    command.arg(programs.load.join("relays").join(script));
                    command
                }
            };
            // One core, so one worker.
            command.arg(listen.to_string()).env("TOKIO_WORKER_THREADS", "1").env("NODE_ENV", "production");
            command
        };
        let mut process = Process::start(command, |command| cores.on_subject(|| command.spawn()))?;
        process.listening().await?;
        Ok(process)
    }

    pub fn url(self, address: SocketAddr) -> String {
        match self {
            Self::Floor | Self::Hub | Self::Ws => format!("ws://{address}/"),
            Self::Socketio => format!("ws://{address}/socket.io/?EIO=4&transport=websocket"),
        }
    }

    /// What one who subscribes waits for, by how it begins, and says then. Engine.IO's `open` and Socket.IO's
    /// `CONNECT` of the main namespace, there and back.
    pub fn greeting(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Floor | Self::Hub | Self::Ws => &[],
            Self::Socketio => &[("0{", "40"), ("40{", "")],
        }
    }

    /// How a message is said, and how everybody is told of it. `text` needs no escaping in JSON.
    pub fn said(self, text: &str) -> String {
        match self {
            Self::Floor | Self::Hub | Self::Ws => text.to_owned(),
            Self::Socketio => format!("42[\"m\",\"{text}\"]"),
        }
    }
}
