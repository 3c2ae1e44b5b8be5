//! How a process stops: in phases, with a deadline, every task tracked.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// The phases of a process, in order. Cloned into every task.
///
/// 1. *draining*: nothing new is taken; what runs goes on.
/// 2. *stopping*: listeners stop, idle connections end, those in a request finish it.
/// 3. *aborted*: the deadline has passed; whatever still runs is dropped.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    draining: CancellationToken,
    stopping: CancellationToken,
    aborted: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// A process that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns a task that [`finish`](Self::finish) waits for and, after the deadline, drops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(Abortable { aborted: self.aborted.clone().cancelled_owned(), task });
    }

    /// Spawns a task that watches for abortion itself; saves the memory of watching for it.
    pub fn spawn_bare(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Begins phase 1.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Phase 1 or later.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Until phase 1.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Until phase 2.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Phase 2 or later.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Until phase 3.
    pub fn aborted(&self) -> &CancellationToken {
        &self.aborted
    }

    /// Phases 2 and 3: whether every task ended by itself within `deadline`.
    pub async fn finish(&self, deadline: Duration) -> bool {
        self.draining.cancel();
        self.stopping.cancel();
        self.tasks.close();
        let clean = tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok();
        self.aborted.cancel();
        self.tasks.wait().await;
        clean
    }
}

pin_project! {
    /// A task that ends when it is aborted. Not an `async` block: that would hold the task's state twice.
    struct Abortable<T> {
        #[pin]
        aborted: WaitForCancellationFutureOwned,
        #[pin]
        task: T,
    }
}

impl<T: Future<Output = ()>> Future for Abortable<T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.aborted.poll(cx).is_ready() { Poll::Ready(()) } else { this.task.poll(cx) }
    }
}

/// Until the operator asks the process to stop (SIGTERM, SIGINT).
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("cannot listen for signals: stop this process by SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_for_tasks_and_drops_them_after_the_deadline() {
        let life = Lifecycle::new();
        let stopping = life.clone();
        life.spawn(async move { stopping.stopping().await });
        assert!(life.finish(Duration::from_secs(1)).await);

        let life = Lifecycle::new();
        life.spawn(std::future::pending());
        assert!(!life.finish(Duration::from_secs(1)).await);
    }
}
