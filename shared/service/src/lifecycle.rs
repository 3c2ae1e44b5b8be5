//! How a process stops: in phases, with a deadline, every task tracked.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

/// The phases of a process, in order. Cloned into every task.
///
/// 1. *draining*: nothing new is taken; what runs goes on, and ends in order where that takes its time
///    ([`spawn_drain`](Self::spawn_drain)).
/// 2. *stopping*: listeners stop, idle connections end, those in a request finish it.
/// 3. *aborted*: the deadline has passed; whatever still runs is dropped.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    draining: CancellationToken,
    stopping: CancellationToken,
    aborted: CancellationToken,
    tasks: TaskTracker,
    /// Those among them that phase 2 waits for.
    drains: TaskTracker,
}

/// The part of a deadline, and the longest time, that is kept for phase 2.
const STOP_SHARE: u32 = 5;
const STOP_MOST: Duration = Duration::from_secs(5);

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

    /// Spawns a task that watches for abortion itself, and for which phase 2 waits as long as the deadline lets it: one
    /// that ends something in order while the process drains.
    pub fn spawn_drain(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.drains.track_future(task));
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

    /// All phases to the end: whether every task ended by itself within `deadline`.
    pub async fn finish(&self, deadline: Duration) -> bool {
        let until = Instant::now() + deadline;
        self.draining.cancel();
        self.drains.close();
        let to_stop = (deadline / STOP_SHARE).min(STOP_MOST);
        let _ = timeout_at(until - to_stop, self.drains.wait()).await;
        self.stopping.cancel();
        self.tasks.close();
        let clean = timeout_at(until, self.tasks.wait()).await.is_ok();
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

    #[tokio::test(start_paused = true)]
    async fn what_drains_is_waited_for_before_the_rest_stops() {
        let life = Lifecycle::new();
        let drained = life.clone();
        life.spawn_drain(async move {
            drained.draining().await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            assert!(!drained.is_stopping());
        });
        let begun = Instant::now();
        assert!(life.finish(Duration::from_secs(10)).await);
        assert_eq!(begun.elapsed(), Duration::from_secs(3));

        // But not for longer than leaves time to stop.
        let life = Lifecycle::new();
        let stopped = life.clone();
        life.spawn_drain(async move { stopped.stopping().await });
        let begun = Instant::now();
        assert!(life.finish(Duration::from_secs(10)).await);
        assert_eq!(begun.elapsed(), Duration::from_secs(8));
    }
}
