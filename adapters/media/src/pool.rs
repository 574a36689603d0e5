//! The threads of the media folder: a hanging disk blocks a few, and leaves the rest to the program.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The most calls to the folder at the same time, each on one of the runtime's 512 threads for blocking calls.
const THREADS: usize = 16;

/// Runs blocking calls, at most [`THREADS`] at once. A waiting call occupies no thread, and is dropped with its caller.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Semaphore>);

impl Pool {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(THREADS)))
    }

    /// Runs `call` on one of the threads. A started call is finished even if the caller is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
        let call = spawn_blocking(move || {
            let outcome = call();
            drop(turn);
            outcome
        });
        call.await.map_err(io::Error::other)?
    }
}
