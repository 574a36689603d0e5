//! Sends requests to the platform.

use ports::guild::{GoneItem, GuildError};
use tokio_util::sync::CancellationToken;

use super::leader::Leader;
use super::tally::Tally;
use crate::retry::{PLATFORM, retry_until};

/// Sends the requests of one run, and counts them. While it is unknown whether this process still holds the lease, it
/// sends none.
pub(super) struct Fetcher<'a> {
    leader: &'a Leader,
    tally: &'a Tally,
    stop: &'a CancellationToken,
}

impl<'a> Fetcher<'a> {
    pub(super) const fn new(leader: &'a Leader, tally: &'a Tally, stop: &'a CancellationToken) -> Self {
        Self { leader, tally, stop }
    }

    /// Calls the platform; retries the call after the delay that a transient error names.
    pub(super) async fn request<T, F: Future<Output = Result<T, GuildError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, GuildError> {
        let once = async || {
            self.leader.allowed().await;
            self.tally.request();
            call().await
        };
        let pause = |error: &GuildError| error.retry_after().inspect(|_| self.tally.waited());
        retry_until(self.stop, &PLATFORM, pause, once).await
    }

    /// Records that the item `name` could not be read.
    ///
    /// # Errors
    /// `error`, if it concerns all items and so ends the run.
    pub(super) fn fail(&self, name: &str, error: GuildError) -> Result<(), GuildError> {
        if error.is_fatal() || matches!(error, GuildError::Parked | GuildError::Gone(GoneItem::Guild)) {
            return Err(error);
        }
        if !self.stop.is_cancelled() {
            self.tally.failed(format!("{name}: {error}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
