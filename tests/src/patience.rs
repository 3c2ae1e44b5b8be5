//! Waiting for what is going to happen, and only for that.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks again and again until it is so.
///
/// # Panics
/// When it is not so within [`PATIENCE`]; the text says `what`.
pub async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_looks_until_it_is_so() {
        let mut looks = 0;
        eventually("the third look", async || {
            looks += 1;
            looks == 3
        })
        .await;
        assert_eq!(looks, 3);
    }
}
