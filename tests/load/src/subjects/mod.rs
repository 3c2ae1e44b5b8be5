//! What is measured: four programs, each in a process and on a core of its own.

mod bench;
mod install;
mod process;

pub use bench::Bench;
pub use install::Install;
pub use process::Process;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dialect::{Baseline, Dialect, EngineIo, Polysocket, SockJs};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Subject {
    /// A trivial hyper server.
    Baseline,
    /// The product.
    Relayd,
    /// A Node relay on engine.io.
    Engineio,
    /// A Node relay on sockjs.
    Sockjs,
}

impl Subject {
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Relayd, Self::Engineio, Self::Sockjs];

    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Relayd => "relayd",
            Self::Engineio => "engine.io",
            Self::Sockjs => "sockjs",
        }
    }

    /// Whether it holds sessions, each with a WebSocket to the upstream.
    pub fn is_relay(self) -> bool {
        self != Self::Baseline
    }

    fn command(self, install: &Install, listen: SocketAddr, upstream: SocketAddr, bytes: usize) -> Command {
        let target = format!("ws://{upstream}/");
        match self {
            Self::Baseline => install.own(&[
                "baseline",
                "--listen",
                &listen.to_string(),
                "--answer-bytes",
                &bytes.to_string(),
            ]),
            Self::Relayd => install.relayd(listen),
            Self::Engineio => install.node("engineio.js", listen, &target),
            Self::Sockjs => install.node("sockjs.js", listen, &target),
        }
    }

    fn dialect(self, subject: SocketAddr, upstream: SocketAddr, bytes: usize) -> Box<dyn Dialect> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        match self {
            Self::Baseline => Box::new(Baseline::new(subject.to_string(), bytes)),
            Self::Relayd => Box::new(Polysocket::new(subject, upstream)),
            Self::Engineio => Box::new(EngineIo::new(subject.to_string())),
            Self::Sockjs => {
                Box::new(SockJs::new(subject.to_string(), SERIAL.fetch_add(1, Ordering::Relaxed)))
            }
        }
    }
}
