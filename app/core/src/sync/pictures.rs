//! Fetches the pictures of a tenant, after the files of its messages.

use domain::media::FileState;
use domain::picture::Picture;
use futures::{StreamExt, stream};
use ports::error::StoreError;
use tokio::time::Instant;
use tracing::{debug, info};

use super::SyncError;
use super::files::{AT_ONCE, FETCHES, FileRun, Files, state_of};
use crate::ingest::{LARGEST_PICTURE, record_fetched};
use crate::stored::{forget_tenant, store_bytes};

/// The most pictures that one run fetches.
const MOST: usize = 2_000;

impl FileRun<'_> {
    /// Fetches the due pictures of the tenant: at most 2,000, and none after `end` but those of the first batch. A failed
    /// picture does not stop the others, and never the run.
    pub(super) async fn fetch_pictures(&self, files: &Files, end: Option<Instant>) -> Result<(), SyncError> {
        let tenant = self.tenant;
        // A picture that fails from here on is due after this moment, so that each is attempted once in a run.
        let now = self.of.clock.now();
        let (mut requested, mut stored) = (0, 0);
        while requested < MOST && !self.stop.is_cancelled() {
            let due = async || Ok(self.of.store.read().await?.pictures().list_due(tenant, now, AT_ONCE).await?);
            let due = self.in_store(due).await?;
            if due.is_empty() || (requested > 0 && end.is_some_and(|end| Instant::now() >= end)) {
                break;
            }
            requested += due.len();
            let fetches = due.into_iter().map(async |picture| self.fetch_picture(files, picture).await);
            let results = stream::iter(fetches).buffer_unordered(FETCHES).take_until(self.stop.cancelled());
            let done: Vec<Option<Picture>> = results.collect().await;
            let is_broken = done.iter().any(Option::is_none);
            let done: Vec<Picture> = done.into_iter().flatten().collect();
            match self.in_store(|| self.record_pictures(&done)).await {
                Err(SyncError::Store(missing @ StoreError::Missing { .. })) => {
                    forget_tenant(&*files.media, tenant).await;
                    return Err(missing.into());
                }
                recorded => recorded?,
            }
            stored += done.iter().filter(|picture| matches!(picture.state, FileState::Stored { .. })).count();
            let all_fail = done.iter().all(|picture| matches!(picture.state, FileState::Waiting { .. }));
            if is_broken || all_fail {
                break;
            }
        }
        if requested > 0 {
            info!(tenant.id = %tenant, requested, stored, "pictures fetched");
        }
        Ok(())
    }

    /// Returns a picture with its new state; `None` if the media store failed, as it would for the others.
    async fn fetch_picture(&self, files: &Files, picture: Picture) -> Option<Picture> {
        self.leader.allowed().await;
        let fetch = async {
            let bytes = files.source.fetch_picture(picture.key, &picture.name, LARGEST_PICTURE).await?;
            store_bytes(&*files.media, self.tenant, bytes).await
        };
        let state = state_of(fetch.await, picture.state, self.of.clock.now(), |reason| {
            debug!(picture = %picture.key, reason, "picture not fetched");
        })?;
        Some(Picture { state, ..picture })
    }

    /// Records the states of requested pictures, under the lease.
    async fn record_pictures(&self, done: &[Picture]) -> Result<(), SyncError> {
        if done.is_empty() {
            return Ok(());
        }
        let mut unit = self.leader.begin_unit().await?;
        record_fetched(&mut *unit, self.tenant, done).await?;
        Ok(unit.commit().await?)
    }
}
