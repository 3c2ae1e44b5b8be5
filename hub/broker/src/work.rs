//! What channels work with.

use std::future::Future;
use std::sync::{Arc, OnceLock, Weak};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backlog::Backlog;
use crate::engine::Engine;

/// Tasks that are tracked and stop, room for what waits, and the engine.
#[derive(Clone)]
pub(crate) struct Work {
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    pub backlog: Arc<Backlog>,
    engine: Arc<OnceLock<Weak<dyn Engine>>>,
}

impl Work {
    pub fn new(backlog_bytes_max: usize) -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            backlog: Arc::new(Backlog::new(backlog_bytes_max)),
            engine: Arc::default(),
        }
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Once, when it has been made.
    pub fn set_engine(&self, engine: &Arc<dyn Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    pub fn engine(&self) -> Option<Arc<dyn Engine>> {
        self.engine.get()?.upgrade()
    }
}
