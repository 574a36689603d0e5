//! The commits of a process that appended to the change log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts the commits of a store, and wakes the task that waits for one.
#[derive(Debug, Default)]
pub struct Appended {
    commits: AtomicU64,
    wake: Notify,
}

/// A commit that is under way. It counts when it ends in whatever way: also if its response is lost, or if the caller
/// stops waiting for it, it may have happened.
#[derive(Debug)]
pub struct Commit(Arc<Appended>);

impl Drop for Commit {
    fn drop(&mut self) {
        self.0.commits.fetch_add(1, Ordering::SeqCst);
        self.0.wake.notify_one();
    }
}

impl Appended {
    /// Begins a commit that appends to the change log.
    #[must_use]
    pub fn commit(self: &Arc<Self>) -> Commit {
        Commit(Arc::clone(self))
    }

    /// Returns the number of commits.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    /// Waits for a commit since the last such wait ended.
    pub async fn next(&self) {
        self.wake.notified().await;
    }
}
