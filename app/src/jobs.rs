//! Long work that outlives its process.

use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelId;
use domain::job::{Job, JobKind};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::MediaStore;
use ports::page::Page;
use ports::store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::retry::retry;

/// Messages that one unit removes: few enough that nobody waits for it.
const STEP: u32 = 500;
/// How long work that another process left behind can wait to be found.
const PATROL: Duration = Duration::from_secs(30);

/// Does the jobs of an installation. Every step is one bounded unit that can be repeated, so whoever comes after a
/// process that was killed goes on where it ended, and two at once do no harm.
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

    /// Removes the files of a tenant that goes, too.
    #[must_use]
    pub fn with_media(self, media: Arc<dyn MediaStore>) -> Self {
        Self { media: Some(media), ..self }
    }

    /// Says that there is a new job.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Does jobs until `stop`, looking for new ones when woken, and every 30 seconds.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.run_waiting(&stop).await {
                Ok(()) => {}
                Err(error) => error!(error = &error as &dyn std::error::Error, "jobs cannot be done"),
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
        let waiting = retry(StoreError::is_retryable, list).await?;
        for job in waiting.into_iter().filter(|job| job.kind == JobKind::Delete) {
            self.delete(job, stop, |_| {}).await?;
        }
        Ok(())
    }

    /// Removes all that is held of a job's tenant, in bounded steps; `report` hears of each. Ends early at `stop`.
    ///
    /// # Errors
    /// [`StoreError`] if a step fails for good; the job stays where it is and can be gone on with.
    pub async fn delete(
        &self,
        mut job: Job,
        stop: &CancellationToken,
        report: impl Fn(&Job),
    ) -> Result<Job, StoreError> {
        job.start(self.clock.now());
        // Threads go before their parents: a parent that goes first has to be taken out of each of them at once.
        for threads in [true, false] {
            let mut after = None;
            loop {
                let page = Page { after, limit: 100 };
                let page_of = async || self.store.read().await?.channels().list_all(job.tenant_id, page).await;
                let channels = retry(StoreError::is_retryable, page_of).await?;
                let Some(last) = channels.last() else { break };
                after = Some(last.id);
                for channel in channels.iter().filter(|channel| !threads || channel.kind.is_thread()) {
                    job = self.delete_channel(job, channel.id, stop, &report).await?;
                    if stop.is_cancelled() {
                        return Ok(job);
                    }
                }
            }
        }
        // Before the tenant itself: as long as it is there, the job is gone on with.
        if let Some(media) = &self.media {
            media.delete_all(job.tenant_id).await.map_err(|error| StoreError::Backend(error.into()))?;
        }
        let job = retry(StoreError::is_retryable, || self.finish(&job)).await?;
        info!(tenant.id = %job.tenant_id, job.id = %job.id, messages = job.progress.messages, "a tenant is deleted");
        report(&job);
        Ok(job)
    }

    /// Removes a channel with its messages, in steps that the store takes; ends early at `stop`.
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
            match retry(StoreError::is_retryable, remove).await {
                Err(StoreError::TooLarge(_)) if limit > 1 => limit /= 2,
                outcome => {
                    let (done, finished) = outcome?;
                    job = done;
                    report(&job);
                    if finished {
                        break;
                    }
                }
            }
        }
        Ok(job)
    }

    /// Removes `limit` messages of a channel, and the channel after the last of them; tells whether it is gone.
    async fn step(&self, job: &Job, channel: ChannelId, limit: u32) -> Result<(Job, bool), StoreError> {
        let mut job = job.clone();
        let mut unit = self.store.begin().await?;
        let removed = unit.messages().delete_first(channel, limit).await?;
        let files = unit.media().delete_first(channel, limit).await?;
        job.progress.messages += removed;
        let finished = removed.max(files) < u64::from(limit);
        if finished {
            unit.channels().delete(channel).await?;
            job.progress.channels_done += 1;
        }
        job.progress.channels_total = job.progress.channels_total.max(job.progress.channels_done);
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok((job, finished))
    }

    /// Removes the tenant, of which nothing is held any more.
    async fn finish(&self, job: &Job) -> Result<Job, StoreError> {
        let mut job = job.clone();
        let mut unit = self.store.begin().await?;
        unit.tenants().delete(job.tenant_id).await?;
        job.end(Ok(()), self.clock.now());
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok(job)
    }
}

/// Every job that is queued or running, oldest first.
pub(crate) async fn unfinished(store: &dyn Store) -> Result<Vec<Job>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.read().await?.jobs().list_unfinished(Page { after, limit: 100 }).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.into());
        all.extend(page);
    }
}

#[cfg(test)]
mod tests;
