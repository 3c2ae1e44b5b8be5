//! One subject with its upstream, ready to be measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::process::Process;
use super::{Install, Subject};
use crate::client::{Place, Session};
use crate::error::{Result, within};
use crate::measure::{Cores, CpuClock};
use crate::upstream::wait_for_count;

/// From listening to the first session that can be had.
const READY_DEADLINE: Duration = Duration::from_secs(5);
const READY_INTERVAL: Duration = Duration::from_millis(20);
/// For the upstream sockets of closed sessions to go.
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);

pub struct Bench {
    kind: Subject,
    subject: Process,
    upstream: Process,
    place: Arc<Place>,
    cores: Cores,
    message_bytes: usize,
}

impl Bench {
    /// Starts both processes, the subject alone on its core, and makes sure
    /// that the subject carries a session.
    pub async fn start(kind: Subject, install: &Install, cores: Cores, message_bytes: usize) -> Result<Self> {
        let mut upstream = Process::start(
            |listen| install.own(&["upstream", "--listen", &listen.to_string()]),
            |command| Ok(command.spawn()),
        )?;
        upstream.listening().await?;
        let target = upstream.address;
        let mut subject = Process::start(
            |listen| kind.command(install, listen, target, message_bytes),
            |command| cores.on_subject(|| command.spawn()),
        )?;
        subject.listening().await?;
        let place = Arc::new(Place::new(subject.address));
        let bench = Self { kind, subject, upstream, place, cores, message_bytes };
        bench.ready().await?;
        Ok(bench)
    }

    pub async fn session(&self) -> Result<Session> {
        self.factory().session().await
    }

    /// What a task needs to create sessions.
    pub fn factory(&self) -> Factory {
        Factory {
            kind: self.kind,
            upstream: self.upstream.address,
            place: self.place.clone(),
            message_bytes: self.message_bytes,
        }
    }

    pub fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    pub fn cores(&self) -> Cores {
        self.cores
    }

    pub fn subject_id(&self) -> u32 {
        self.subject.id()
    }

    pub fn subject_clock(&self) -> CpuClock {
        self.subject.clock
    }

    pub fn upstream_clock(&self) -> CpuClock {
        self.upstream.clock
    }

    /// Waits until each of `sessions` has its upstream socket, and no other has.
    pub async fn wait_for_sessions(&self, sessions: usize, limit: Duration) -> Result<()> {
        let sockets = if self.kind.is_relay() { sessions } else { 0 };
        wait_for_count(self.upstream.address, sockets, limit).await
    }

    /// Waits until every session has ended upstream too.
    pub async fn wait_for_silence(&self) -> Result<()> {
        self.wait_for_sessions(0, CLOSE_DEADLINE).await
    }

    /// A process may listen before it can place a session.
    async fn ready(&self) -> Result<()> {
        let mut last = None;
        let ready = within(READY_DEADLINE, "the subject to take a session", async {
            loop {
                match self.session().await {
                    Ok(session) => return session.close().await,
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(READY_INTERVAL).await;
            }
        })
        .await;
        match (ready, last) {
            (Err(_), Some(why)) => Err(why),
            (ready, _) => ready,
        }
    }
}

/// Creates sessions of one bench.
#[derive(Clone)]
pub struct Factory {
    kind: Subject,
    upstream: SocketAddr,
    place: Arc<Place>,
    message_bytes: usize,
}

impl Factory {
    pub async fn session(&self) -> Result<Session> {
        let dialect = self.kind.dialect(self.place.subject, self.upstream, self.message_bytes);
        Session::create(self.place.clone(), dialect).await
    }
}
