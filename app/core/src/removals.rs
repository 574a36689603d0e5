//! Removes content that is due: that of deleted messages and channels, earlier texts whose retention is over, and the
//! bytes of files that no message has any more.
//!
//! Every step is one bounded unit that can be repeated, so that several processes can do this at once. A step that fails
//! is left to the next pass, and keeps no other from being done.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelId;
use domain::coverage::{Coverage, Interval};
use domain::media::{File, FileState, UnusedFile};
use domain::message::{DeletionKind, MessageId, MessageMark};
use domain::page::MessagePage;
use domain::picture::Picture;
use domain::removal::Removal;
use domain::retention::RetentionPeriod;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
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

/// The number of entries that are read at once; one unit removes the content of as many messages at most.
const STEP: u32 = 100;
/// The maximum number of entries that are read at once, after failures.
const MOST: u32 = 1_000;
/// The number of messages of a channel whose marks are read at once.
const MARKS: u32 = 1_000;
/// The number of earlier texts that one unit removes.
const TRIM_STEP: u32 = 500;
/// How often due content is looked for, if nothing announces it; and how long deleted content stays in the leftovers of
/// the store at most.
const PATROL: Duration = Duration::from_secs(30);
/// How often earlier texts are trimmed.
const TRIM: Duration = Duration::from_hours(1);
/// How long the entry of a removed file stays: longer than storing its bytes and recording that takes.
const REMEMBERED: Duration = Duration::from_mins(10);

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
        // Not at the very start, where every process of an installation would do it.
        let (mut next_trim, mut dirty_since) = (Instant::now() + PATROL, None);
        while !stop.is_cancelled() {
            let mut removed = self.remove_due(&stop).await;
            if Instant::now() >= next_trim {
                next_trim = Instant::now() + TRIM;
                removed += self.trim_texts(&stop).await;
            }
            if removed > 0 {
                dirty_since.get_or_insert_with(Instant::now);
            }
            if dirty_since.is_some_and(|since: Instant| since.elapsed() >= PATROL) && self.purge().await {
                dirty_since = None;
            }
            tokio::select! {
                // The deletion itself has left something behind.
                () = self.wake.notified() => {
                    dirty_since.get_or_insert_with(Instant::now);
                }
                () = tokio::time::sleep(PATROL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Removes all that is due once, except for earlier texts.
    pub async fn remove_once(&self, stop: &CancellationToken) {
        if self.remove_due(stop).await > 0 {
            self.purge().await;
        }
    }

    /// Removes deleted content from the leftovers of the store; returns whether that succeeded.
    async fn purge(&self) -> bool {
        let purged = retried(|| self.store.purge()).await;
        if let Err(error) = &purged {
            warn!(error = error as &dyn std::error::Error, "write-ahead log not truncated");
        }
        purged.is_ok()
    }

    /// Removes all content of deleted messages and channels that is due, and the bytes of files that no message has any
    /// more. Returns the number of removals; those that failed are logged, and left to the next call.
    pub async fn remove_due(&self, stop: &CancellationToken) -> usize {
        let mut removed = 0;
        let (messages, files) = (self.remove_entered(stop, &mut removed).await, self.remove_files(stop).await);
        for outcome in [messages, files.map(|files| removed += files)] {
            if let Err(error) = outcome {
                warn!(error = &error as &dyn std::error::Error, "deleted content not removed");
            }
        }
        removed
    }

    async fn remove_entered(&self, stop: &CancellationToken, removed: &mut usize) -> Result<(), StoreError> {
        let (now, mut failed) = (self.clock.now(), HashSet::new());
        while !stop.is_cancelled() {
            let limit = limit(failed.len());
            let load = async || self.store.read().await?.removals().list_due(now, limit).await;
            let mut due = retried(load).await?;
            due.retain(|removal| !failed.contains(&(removal.channel, removal.message)));
            due.truncate(STEP as usize);
            if due.is_empty() {
                break;
            }
            let mut by_channel: BTreeMap<ChannelId, Vec<Removal>> = BTreeMap::new();
            for removal in due {
                by_channel.entry(removal.channel).or_default().push(removal);
            }
            for (channel, removals) in by_channel {
                match self.remove_in(channel, &removals, stop).await {
                    Ok(()) => *removed += removals.len(),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        warn!(channel.id = %channel, error, "deleted content not removed");
                        failed.extend(removals.iter().map(|removal| (removal.channel, removal.message)));
                    }
                }
            }
        }
        Ok(())
    }

    async fn remove_in(
        &self,
        channel: ChannelId,
        removals: &[Removal],
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let ids: Vec<MessageId> = removals.iter().filter_map(|removal| removal.message).collect();
        if !ids.is_empty() {
            let of_messages: Vec<_> = removals.iter().copied().filter(|removal| removal.message.is_some()).collect();
            let page = MessagePage::due(channel, ids, self.clock.now());
            let remove = async || {
                let mut unit = self.store.begin().await?;
                unit.messages().replace_interval(channel, &page).await?;
                unit.removals().delete_all(&of_messages).await?;
                unit.commit().await
            };
            retried(remove).await?;
        }
        for removal in removals.iter().filter(|removal| removal.message.is_none()) {
            self.go_through(removal, stop).await?;
        }
        Ok(())
    }

    /// Goes through the messages of a channel: those of a deleted one are marked explicitly deleted, which removes their
    /// content; in another one, the content of deleted messages is removed or entered.
    async fn go_through(&self, removal: &Removal, stop: &CancellationToken) -> Result<(), StoreError> {
        let channel = removal.channel;
        let load = async || self.store.read().await?.coverage().find(channel).await;
        let coverage = retried(load).await?;
        let deleted_at = coverage.filter(Coverage::is_deleted).map(|_| removal.due_at);
        let (mut after, mut messages) = (None, 0);
        while !stop.is_cancelled() {
            let load = async || self.store.read().await?.messages().list_marks(channel, after, MARKS).await;
            let marks = retried(load).await?;
            let Some(last) = marks.last() else {
                let end = async || {
                    let mut unit = self.store.begin().await?;
                    if deleted_at.is_some() {
                        let all = unit.unreadable().list(channel, Interval::ALL).await?;
                        let ids: Vec<_> = all.into_iter().map(|one| one.id).collect();
                        unit.unreadable().delete_all(channel, &ids).await?;
                    }
                    unit.removals().delete_all(std::slice::from_ref(removal)).await?;
                    unit.commit().await
                };
                retried(end).await?;
                if messages > 0 {
                    info!(channel.id = %channel, messages, "content of deleted messages removed");
                }
                return Ok(());
            };
            after = Some(last.id);
            for marks in marks.chunks(STEP as usize) {
                messages += self.remove_marked(channel, marks, deleted_at).await?;
            }
        }
        Ok(())
    }

    /// Removes the content of deleted messages, and of the others if their channel was deleted at `deleted_at`; enters
    /// those that are due later. Returns how many messages it removed the content of.
    async fn remove_marked(
        &self,
        channel: ChannelId,
        marks: &[MessageMark],
        deleted_at: Option<Timestamp>,
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let (mut due, mut left, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for MessageMark { id, deletion, .. } in marks {
            match deletion {
                Some(deletion) if deletion.kind == DeletionKind::Explicit => due.push(*id),
                _ if deleted_at.is_some() => left.push(*id),
                Some(deletion) if deletion.content_due() <= now => due.push(*id),
                Some(deletion) => {
                    later.push(Removal { channel, message: Some(*id), due_at: deletion.content_due() });
                }
                None => {}
            }
        }
        let removed = due.len() + left.len();
        if removed + later.len() == 0 {
            return Ok(0);
        }
        let due = MessagePage::due(channel, due, now);
        let left = MessagePage::deleted(channel, left, deleted_at.unwrap_or(now));
        let remove = async || {
            let mut unit = self.store.begin().await?;
            unit.messages().replace_interval(channel, &due).await?;
            write_page(&mut *unit, channel, &left, &[]).await?;
            unit.removals().upsert_all(&later).await?;
            unit.commit().await
        };
        retried(remove).await?;
        Ok(removed)
    }

    /// Removes the bytes of files that no message has any more, and requests those again that a message got meanwhile.
    /// Returns their number.
    async fn remove_files(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        let before = self.clock.now().minus(REMEMBERED);
        let (mut removed, mut failed) = (0, HashSet::new());
        while !stop.is_cancelled() {
            let limit = limit(failed.len());
            let load = async || {
                let mut at = self.store.read().await?;
                let new = at.unused_files().list(limit).await?.into_iter().map(|file| (file, false));
                let settled = at.unused_files().list_removed(before, limit).await?.into_iter().map(|file| (file, true));
                Ok(new.chain(settled).collect::<Vec<_>>())
            };
            let mut files = retried(load).await?;
            files.retain(|(file, _)| !failed.contains(&(file.tenant, file.hash)));
            if files.is_empty() {
                break;
            }
            for (file, is_settled) in files {
                match retried(|| self.remove_file(file, is_settled)).await {
                    Ok(()) => removed += 1,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        warn!(tenant.id = %file.tenant, error, "file of a deleted message not removed");
                        failed.insert((file.tenant, file.hash));
                    }
                }
            }
        }
        Ok(removed)
    }

    /// Removes the bytes of a file; the entry of one that `is_settled` goes, too, because no process can have stored equal
    /// bytes before and record that now.
    async fn remove_file(&self, file: UnusedFile, is_settled: bool) -> Result<(), StoreError> {
        let of_media = |error: std::io::Error| StoreError::Backend(error.into());
        let now = self.clock.now();
        let mut unit = self.store.begin().await?;
        // Locked first, as by those who change the icon.
        let tenant = unit.tenants().find(file.tenant).await?;
        if !unit.unused_files().lock(file).await? {
            return Ok(());
        }
        if tenant.and_then(|tenant| tenant.profile.icon).is_some_and(|icon| icon.hash == file.hash) {
            unit.unused_files().delete(file).await?;
            return unit.commit().await;
        }
        let uses = unit.media().list_stored(file.tenant, file.hash, STEP).await?;
        let pictures = unit.pictures().list_stored(file.tenant, file.hash, STEP).await?;
        if uses.is_empty() && pictures.is_empty() {
            // The entry stays locked until the bytes are removed.
            self.media.delete_one(file.tenant, file.hash).await.map_err(of_media)?;
            if is_settled {
                unit.unused_files().delete(file).await?;
            } else {
                unit.unused_files().record_removed(file, now).await?;
            }
        } else if self.media.open(file.tenant, file.hash, 0, 0).await.map_err(of_media)?.is_some() {
            unit.unused_files().delete(file).await?;
        } else {
            let again: Vec<File> = uses.into_iter().map(|file| File { state: FileState::seen(now), ..file }).collect();
            unit.media().upsert_all(file.tenant, &again).await?;
            let shown: Vec<Picture> =
                pictures.into_iter().map(|picture| Picture { state: FileState::seen(now), ..picture }).collect();
            unit.pictures().upsert_all(file.tenant, &shown).await?;
            if again.len().max(shown.len()) < STEP as usize {
                unit.unused_files().delete(file).await?;
            }
        }
        unit.commit().await
    }

    /// Removes the earlier texts of all tenants whose retention is over; returns their number. An error is logged, and
    /// the rest left to the next call.
    pub async fn trim_texts(&self, stop: &CancellationToken) -> usize {
        let mut removed = 0;
        if let Err(error) = self.trim_all(stop, &mut removed).await {
            warn!(error = &error as &dyn std::error::Error, "earlier texts not trimmed");
        }
        removed
    }

    async fn trim_all(&self, stop: &CancellationToken, removed: &mut usize) -> Result<(), StoreError> {
        let mut after = None;
        while !stop.is_cancelled() {
            let page = Page { after, limit: STEP };
            let load = async || self.store.read().await?.tenants().list(page.clone()).await;
            let tenants = retried(load).await?;
            let Some(last) = tenants.last() else { break };
            after = Some(last.slug.clone());
            for tenant in &tenants {
                *removed += self.trim(tenant, true, tenant.retention.deleted, stop).await?;
                *removed += self.trim(tenant, false, tenant.retention.edited, stop).await?;
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
    ) -> Result<usize, StoreError> {
        let Some(before) = period.over_before(self.clock.now()) else { return Ok(0) };
        let mut removed = 0;
        while !stop.is_cancelled() {
            let trim = async || {
                let mut unit = self.store.begin().await?;
                let rows = unit.versions().trim(tenant.id, by_deletion, before, TRIM_STEP).await?;
                unit.commit().await?;
                Ok(rows)
            };
            match retried(trim).await? {
                0 => break,
                rows => removed += usize::try_from(rows).unwrap_or(usize::MAX),
            }
        }
        Ok(removed)
    }
}

/// Returns the number of entries to read if `failed` ones are still listed.
fn limit(failed: usize) -> u32 {
    u32::try_from(failed).map_or(MOST, |failed| failed.saturating_add(STEP).min(MOST))
}

/// Does `work` again after a lost race.
async fn retried<T, F: Future<Output = Result<T, StoreError>>>(work: impl Fn() -> F) -> Result<T, StoreError> {
    retry(&LOST_RACE, StoreError::is_retryable, work).await
}
