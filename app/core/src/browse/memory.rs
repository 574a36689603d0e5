//! Work that is done from memory alone, or not at all.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

tokio::task_local! {
    /// Whether the work of this task needs the store.
    static NEEDS_STORE: Cell<bool>;
}

/// Returns the result of `work`, which changes nothing; `None` if its snapshots need the store: the work is then dropped
/// before the first read of it.
pub async fn from_memory<T>(work: impl Future<Output = T>) -> Option<T> {
    let done = async {
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if NEEDS_STORE.with(Cell::get) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    };
    NEEDS_STORE.scope(Cell::new(false), done).await
}

/// Ends the work of [`from_memory`], if this is a part of it.
pub(super) async fn need_store() {
    if NEEDS_STORE.try_with(|needs| needs.set(true)).is_ok() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
