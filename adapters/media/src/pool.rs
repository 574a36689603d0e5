//! The threads of the media folder: a disk that hangs takes a few, and leaves the rest to the program.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Calls to the folder at the same time: so many of the runtime's threads for calls that block, of which there are 512.
const THREADS: usize = 16;

/// Runs blocking calls, at most [`THREADS`] at once. A call that waits for its turn holds no thread, and goes with the
/// caller that gives up.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Semaphore>);

impl Pool {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(THREADS)))
    }

    /// Runs `call` on one of the threads. A call that has begun is finished even if the caller gives up.
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
