//! Removes content that is due: that of deleted messages and channels, earlier texts whose retention is over, and the bytes
//! of files that no message has any more.
//!
//! Every step is one bounded unit that can be repeated, so that several processes can do this at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelId;
use domain::media::UnusedFile;
use domain::message::{DeletionKind, MessageId};
use domain::page::MessagePage;
use domain::removal::Removal;
use domain::retention::RetentionPeriod;
use domain::tenant::Tenant;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::MediaStore;
use ports::page::Page;
use ports::store::Store;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::ingest::write_page;
use crate::retry::{LOST_RACE, retry};

/// The number of removals, messages of a deleted channel, or unused files that are read at once; one unit removes the
/// content of as many messages at most.
const STEP: u32 = 100;
/// The number of earlier texts that one unit removes.
const TRIM_STEP: u32 = 500;
/// How often due content is looked for, if nothing announces it.
const PATROL: Duration = Duration::from_secs(30);
/// How often earlier texts are trimmed.
const TRIM: Duration = Duration::from_hours(1);
/// How long the entry of a removed file stays: longer than storing its bytes and recording that takes.
const REMEMBERED: Duration = Duration::from_hours(24);

/// Removes content that is due. A clone is the same.
#[derive(Clone)]
pub struct Removals {
    store: Arc<dyn Store>,
    media: Arc<dyn MediaStore>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
}

impl Removals {
    /// Works on `store` and `media`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, media: Arc<dyn MediaStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, media, clock, wake: Arc::default() }
    }

    /// Announces that content was deleted.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Removes content until `stop`: when woken, and every 30 seconds; earlier texts every hour.
    pub async fn run(&self, stop: CancellationToken) {
        let (mut trimmed_at, mut is_purged, mut is_woken) = (None, true, false);
        while !stop.is_cancelled() {
            match self.remove_due(&stop).await {
                Ok(0) => {}
                Ok(_) => is_purged = false,
                Err(error) => warn!(error = &error as &dyn std::error::Error, "deleted content not removed"),
            }
            if !is_purged && !is_woken {
                is_purged = self.purge().await;
            }
            if trimmed_at.is_none_or(|at: Instant| at.elapsed() >= TRIM) {
                trimmed_at = Some(Instant::now());
                if let Err(error) = self.trim_texts(&stop).await {
                    warn!(error = &error as &dyn std::error::Error, "earlier texts not trimmed");
                }
            }
            is_woken = tokio::select! {
                () = self.wake.notified() => true,
                () = tokio::time::sleep(PATROL) => false,
                () = stop.cancelled() => false,
            };
            is_purged &= !is_woken;
        }
    }

    /// Removes deleted content from the leftovers of the store; returns whether that succeeded.
    async fn purge(&self) -> bool {
        let purged = retry(&LOST_RACE, StoreError::is_retryable, || self.store.purge()).await;
        if let Err(error) = &purged {
            warn!(error = error as &dyn std::error::Error, "write-ahead log not truncated");
        }
        purged.is_ok()
    }

    /// Removes all content of deleted messages and channels that is due, then the files that no message has any more.
    /// Returns the number of removals.
    ///
    /// # Errors
    /// [`StoreError`] if a step fails permanently; the next call continues from there.
    pub async fn remove_due(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let mut removed = 0;
        while !stop.is_cancelled() {
            let load = async || self.store.read().await?.removals().list_due(self.clock.now(), STEP).await;
            let due = retry(&LOST_RACE, StoreError::is_retryable, load).await?;
            if due.is_empty() {
                break;
            }
            removed += due.len();
            let mut by_channel: BTreeMap<ChannelId, Vec<Removal>> = BTreeMap::new();
            for removal in due {
                by_channel.entry(removal.channel).or_default().push(removal);
            }
            for (channel, removals) in by_channel {
                let (messages, whole): (Vec<_>, Vec<_>) =
                    removals.into_iter().partition(|removal| removal.message.is_some());
                if !messages.is_empty() {
                    let remove = || self.remove_messages(channel, &messages);
                    retry(&LOST_RACE, StoreError::is_retryable, remove).await?;
                }
                for removal in whole {
                    self.remove_channel(&removal, stop).await?;
                }
            }
        }
        Ok(removed + self.remove_files(stop).await?)
    }

    /// Removes the content of those messages that are still deleted.
    async fn remove_messages(&self, channel: ChannelId, removals: &[Removal]) -> Result<(), StoreError> {
        let mut unit = self.store.begin().await?;
        let page = MessagePage::due(channel, removals.iter().filter_map(|removal| removal.message), self.clock.now());
        unit.messages().replace_interval(channel, &page).await?;
        unit.removals().delete_all(removals).await?;
        unit.commit().await
    }

    /// Marks all messages of a deleted channel explicitly deleted, which removes their content.
    async fn remove_channel(&self, removal: &Removal, stop: &CancellationToken) -> Result<(), StoreError> {
        let (channel, mut after, mut messages) = (removal.channel, None, 0);
        while !stop.is_cancelled() {
            let load = async || self.store.read().await?.messages().list_marks(channel, after, STEP).await;
            let marks = retry(&LOST_RACE, StoreError::is_retryable, load).await?;
            let Some(last) = marks.last() else {
                let end = async || {
                    let mut unit = self.store.begin().await?;
                    unit.removals().delete_all(std::slice::from_ref(removal)).await?;
                    unit.commit().await
                };
                retry(&LOST_RACE, StoreError::is_retryable, end).await?;
                info!(channel.id = %channel, messages, "content of a deleted channel removed");
                return Ok(());
            };
            after = Some(last.id);
            let is_final = |kind| kind == DeletionKind::Explicit;
            let left = marks.iter().filter(|mark| !mark.deletion.is_some_and(|deletion| is_final(deletion.kind)));
            let left: Vec<MessageId> = left.map(|mark| mark.id).collect();
            messages += left.len();
            let page = MessagePage::deleted(channel, left, removal.due_at);
            let remove = async || {
                let mut unit = self.store.begin().await?;
                write_page(&mut *unit, channel, &page, &[]).await?;
                unit.commit().await
            };
            if !page.messages().is_empty() {
                retry(&LOST_RACE, StoreError::is_retryable, remove).await?;
            }
        }
        Ok(())
    }

    /// Removes the bytes of files that no message has any more; returns their number.
    async fn remove_files(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let mut removed = 0;
        while !stop.is_cancelled() {
            let load = async || self.store.read().await?.unused_files().list(STEP).await;
            let unused = retry(&LOST_RACE, StoreError::is_retryable, load).await?;
            if unused.is_empty() {
                break;
            }
            removed += unused.len();
            for file in unused {
                retry(&LOST_RACE, StoreError::is_retryable, || self.remove_file(file)).await?;
            }
        }
        let forget = async || {
            let mut unit = self.store.begin().await?;
            unit.unused_files().forget_removed(self.clock.now().minus(REMEMBERED)).await?;
            unit.commit().await
        };
        retry(&LOST_RACE, StoreError::is_retryable, forget).await?;
        Ok(removed)
    }

    async fn remove_file(&self, file: UnusedFile) -> Result<(), StoreError> {
        let mut unit = self.store.begin().await?;
        if unit.unused_files().is_removable(file).await? {
            // The entry stays locked until the bytes are removed: a process that stores equal bytes learns it.
            self.media.delete_one(file.tenant, file.hash).await.map_err(|error| StoreError::Backend(error.into()))?;
            unit.unused_files().record_removed(file, self.clock.now()).await?;
        } else {
            unit.unused_files().delete(file).await?;
        }
        unit.commit().await
    }

    /// Removes the earlier texts of all tenants whose retention is over.
    ///
    /// # Errors
    /// [`StoreError`] if a step fails permanently; the next call continues from there.
    pub async fn trim_texts(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut after = None;
        while !stop.is_cancelled() {
            let page = Page { after, limit: STEP };
            let load = async || self.store.read().await?.tenants().list(page.clone()).await;
            let tenants = retry(&LOST_RACE, StoreError::is_retryable, load).await?;
            let Some(last) = tenants.last() else { break };
            after = Some(last.slug.clone());
            for tenant in &tenants {
                self.trim(tenant, true, tenant.retention.deleted, stop).await?;
                self.trim(tenant, false, tenant.retention.edited, stop).await?;
            }
        }
        Ok(())
    }

    async fn trim(
        &self,
        tenant: &Tenant,
        by_deletion: bool,
        period: RetentionPeriod,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let Some(before) = period.over_before(self.clock.now()) else { return Ok(()) };
        let trim = async || {
            let mut unit = self.store.begin().await?;
            let removed = unit.versions().trim(tenant.id, by_deletion, before, TRIM_STEP).await?;
            unit.commit().await?;
            Ok(removed)
        };
        while !stop.is_cancelled() && retry(&LOST_RACE, StoreError::is_retryable, trim).await? > 0 {}
        Ok(())
    }
}
