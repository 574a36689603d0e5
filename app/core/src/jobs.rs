//! Long-running work that survives its process.

use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelId;
use domain::job::{Job, JobId, JobKind};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::MediaStore;
use ports::page::Page;
use ports::store::{Repositories, Store, UnitOfWork};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug_span, error, info, warn};
use uuid::Uuid;

use crate::retry::{BRIEF_OUTAGE, LOST_RACE, retry};
use crate::sync::{build_lease, snapshot_lease};

/// The number of messages that one unit removes: few enough that no other unit waits for it.
const STEP: u32 = 500;
/// The minimum age of a change before it is trimmed from the change log.
const LOG_AGE: Duration = Duration::from_hours(7 * 24);
/// The number of changes of each partition that stay in the log, however old they are.
const LOG_KEPT: u64 = 100_000;
/// The number of changes that one unit trims.
const LOG_STEP: u32 = 1_000;
/// How long the work of an ended process can wait before it is found.
const PATROL: Duration = Duration::from_secs(30);

/// Runs the jobs of an installation. Every step is one bounded unit that can be repeated, so another process can resume
/// the work of a killed one, and two at once do no harm.
#[derive(Clone)]
pub struct Jobs {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    media: Option<Arc<dyn MediaStore>>,
}

impl Jobs {
    /// Works on `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, wake: Arc::default(), media: None }
    }

    /// Makes the jobs also remove the files of a deleted tenant.
    #[must_use]
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }

    /// Notifies the runner of a new job.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Runs jobs until `stop`; polls for new ones when woken, and every 30 seconds.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.run_waiting(&stop).await {
                Ok(()) => {}
                Err(error) => error!(error = &error as &dyn std::error::Error, "jobs failed"),
            }
            if let Err(error) = self.trim_log(&stop).await {
                warn!(error = &error as &dyn std::error::Error, "change log not trimmed");
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(PATROL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn run_waiting(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let list = || unfinished(&*self.store);
        let waiting = retry(&LOST_RACE, StoreError::is_retryable, list).await?;
        for job in waiting.into_iter().filter(|job| job.kind == JobKind::Delete) {
            let span = debug_span!("job.run", kind = job.kind.as_str(), outcome = "interrupted");
            let job = self.delete(job, stop, |_| {}).instrument(span.clone()).await?;
            span.record("outcome", job.state.as_str());
        }
        Ok(())
    }

    /// Trims the change log in bounded steps: changes that are older than a week, of which the newest 100,000 of each
    /// partition stay.
    ///
    /// # Errors
    /// [`StoreError`] if a step fails permanently; the next call continues from there.
    pub async fn trim_log(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let before = self.clock.now().minus(LOG_AGE);
        let trim = async || {
            let mut unit = self.store.begin().await?;
            let removed = unit.changes().trim(before, LOG_KEPT, LOG_STEP).await?;
            if removed > 0 {
                unit.commit().await?;
            }
            Ok(removed)
        };
        while !stop.is_cancelled() && retry(&LOST_RACE, StoreError::is_retryable, trim).await? > 0 {}
        Ok(())
    }

    /// Removes all content of a job's tenant, in bounded steps; `report` is called after each. Ends early at `stop`, or
    /// if another process has finished the job: each step checks under lock that the deletion is still requested, so
    /// that a community which was created again since then stays.
    ///
    /// # Errors
    /// [`StoreError`] if a step fails permanently; the job keeps its state and can be resumed.
    pub async fn delete(
        &self,
        mut job: Job,
        stop: &CancellationToken,
        report: impl Fn(&Job),
    ) -> Result<Job, StoreError> {
        job.start(self.clock.now());
        // Threads are removed before their parents: otherwise the removal of a parent would have to update all of its
        // threads at once.
        for threads in [true, false] {
            let mut after = None;
            loop {
                let page = Page { after, limit: 100 };
                let page_of = async || self.store.read().await?.channels().list_all(job.tenant_id, page).await;
                let channels = retry(&LOST_RACE, StoreError::is_retryable, page_of).await?;
                let Some(last) = channels.last() else { break };
                after = Some(last.id);
                for channel in channels.iter().filter(|channel| !threads || channel.kind.is_thread()) {
                    job = self.delete_channel(job, channel.id, stop, &report).await?;
                    if stop.is_cancelled() || job.has_ended() {
                        return Ok(job);
                    }
                }
            }
        }
        // Before the tenant itself: the job is resumed as long as the tenant is stored.
        if let Some(media) = &self.media {
            let retired = retry(&LOST_RACE, StoreError::is_retryable, || self.retire_files(&job, &**media)).await?;
            if retired.has_ended() {
                return Ok(retired);
            }
            media.delete_retired(job.tenant_id).await.map_err(|error| StoreError::Backend(error.into()))?;
        }
        let (job, finished_here) = retry(&LOST_RACE, StoreError::is_retryable, || self.finish(&job)).await?;
        if finished_here {
            if let Err(error) = retry(&BRIEF_OUTAGE, StoreError::is_transient, || self.store.purge()).await {
                warn!(tenant.id = %job.tenant_id, error = &error as &dyn std::error::Error, "write-ahead log not truncated");
            }
            info!(tenant.id = %job.tenant_id, job.id = %job.id, messages = job.progress.messages, "tenant deleted");
            report(&job);
        }
        Ok(job)
    }

    /// Begins a unit for one step of a deletion that is still requested, with the job as it is stored: the job has not
    /// ended, its tenant is being deleted, and both stay locked until the unit ends. Else returns the job as another
    /// process ended it.
    async fn begin(&self, job: &Job) -> Result<Result<(Box<dyn UnitOfWork>, Job), Job>, StoreError> {
        let mut unit = self.store.begin().await?;
        let tenant = unit.tenants().find(job.tenant_id).await?;
        let mut stored = unit.jobs().find(job.id).await?.unwrap_or_else(|| job.clone());
        if stored.has_ended() {
            return Ok(Err(stored));
        }
        let now = self.clock.now();
        if tenant.is_some_and(|tenant| tenant.deleting_since.is_some()) {
            stored.start(now);
            return Ok(Ok((unit, stored)));
        }
        stored.end(Ok(()), now);
        unit.jobs().upsert(&stored).await?;
        unit.commit().await?;
        Ok(Err(stored))
    }

    /// Removes a channel with its messages, in steps of a size that the store accepts; ends early at `stop`.
    async fn delete_channel(
        &self,
        mut job: Job,
        channel: ChannelId,
        stop: &CancellationToken,
        report: &impl Fn(&Job),
    ) -> Result<Job, StoreError> {
        let mut limit = STEP;
        while !stop.is_cancelled() {
            let remove = || self.step(&job, channel, limit);
            match retry(&LOST_RACE, StoreError::is_retryable, remove).await {
                Err(StoreError::TooLarge(_)) if limit > 1 => limit /= 2,
                outcome => {
                    let (done, finished) = outcome?;
                    job = done;
                    if job.has_ended() {
                        break;
                    }
                    report(&job);
                    if finished {
                        break;
                    }
                }
            }
        }
        Ok(job)
    }

    /// Removes `limit` messages of a channel, and the channel after the last of them; returns whether it is removed. A
    /// job that has ended since removes nothing.
    async fn step(&self, job: &Job, channel: ChannelId, limit: u32) -> Result<(Job, bool), StoreError> {
        let (mut unit, mut job) = match self.begin(job).await? {
            Ok(begun) => begun,
            Err(ended) => return Ok((ended, true)),
        };
        let removed = unit.messages().delete_first(channel, limit).await?;
        let files = unit.media().delete_first(channel, limit).await?;
        let texts = unit.versions().delete_first(channel, limit).await?;
        let entries = unit.removals().delete_first(channel, limit).await?;
        job.progress.messages += removed;
        let finished = [removed, files, texts, entries].into_iter().all(|rows| rows < u64::from(limit));
        if finished {
            unit.channels().delete(channel).await?;
            job.progress.channels_done += 1;
        }
        job.progress.channels_total = job.progress.channels_total.max(job.progress.channels_done);
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok((job, finished))
    }

    /// Retires the files of the tenant, by a rename, while the tenant is locked.
    async fn retire_files(&self, job: &Job, media: &dyn MediaStore) -> Result<Job, StoreError> {
        match self.begin(job).await? {
            // The unit stays open until the files are retired.
            Ok((_unit, job)) => {
                media.retire(job.tenant_id).await.map_err(|error| StoreError::Backend(error.into()))?;
                Ok(job)
            }
            Err(ended) => Ok(ended),
        }
    }

    /// Removes the tenant and its leases, of which nothing else is stored any more; returns whether this call removed it.
    async fn finish(&self, job: &Job) -> Result<(Job, bool), StoreError> {
        let (mut unit, mut job) = match self.begin(job).await? {
            Ok(begun) => begun,
            Err(ended) => return Ok((ended, false)),
        };
        unit.tenants().delete(job.tenant_id).await?;
        for lease in [build_lease(job.tenant_id), snapshot_lease(job.tenant_id)] {
            unit.leases().delete(&lease).await?;
        }
        job.end(Ok(()), self.clock.now());
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok((job, true))
    }
}

/// Returns the id of a new job.
#[expect(clippy::disallowed_methods, reason = "this is where the ids of jobs come from")]
pub(crate) fn new_id() -> JobId {
    JobId(Uuid::new_v4())
}

/// Returns every job that is queued or running, oldest first.
pub(crate) async fn unfinished(store: &dyn Store) -> Result<Vec<Job>, StoreError> {
    unfinished_of(&mut *store.read().await?).await
}

/// Returns every job that is queued or running, oldest first, in one snapshot or unit.
pub(crate) async fn unfinished_of<R: Repositories + ?Sized>(at: &mut R) -> Result<Vec<Job>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = at.jobs().list_unfinished(Page { after, limit: 100 }).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.into());
        all.extend(page);
    }
}

#[cfg(test)]
mod tests;
