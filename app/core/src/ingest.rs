//! Stores the channels of a tenant as a source shows them, pages of their messages with the states of files and unreadable
//! payloads, and the reason why the rest is missing.
//!
//! It knows stores and fences, and nothing of the job that fetched a page: a unit of work commits only if no writer with
//! a higher fence has written to the channel.

mod channels;
mod pictures;
mod state;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use domain::channel::ChannelId;
use domain::lease::Fence;
use domain::media::{File, FileKey, FileState};
use domain::message::{Message, StoredMessage};
use domain::page::{MessagePage, PageOutcome};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::store::{Store, UnitOfWork};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::portion::in_portions;
use crate::retry::retry_in_store;
use crate::unreadable;

pub use self::channels::BATCH;
pub(crate) use self::pictures::{LARGEST_PICTURE, observe_pictures, record_fetched, record_pictures};

/// The maximum number of messages that are found at once.
const MESSAGES: usize = 200;

/// The reason why something was not stored. Nothing of its unit of work was committed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A writer with a higher fence has written to the channel: this one must stop.
    #[error("another process has become the leader for the token")]
    Deposed,
    /// The store failed, or the channel is not stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IngestError {
    pub(crate) const fn of_store(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

/// Stores channels and pages of one tenant under one fence. Every call is one unit of work or a few, each retried after a
/// lost race and during an outage, and idempotent.
pub struct Ingest {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    fence: Fence,
    stop: CancellationToken,
}

impl Ingest {
    /// Returns the ingest of `tenant` into `store` under `fence`. After `stop`, it does not wait for the end of an outage.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tenant: TenantId,
        fence: Fence,
        stop: CancellationToken,
    ) -> Self {
        Self { store, clock, tenant, fence, stop }
    }

    /// Stores a page with its unreadable payloads `found`, and records the files of its messages as seen; returns the
    /// number of its messages that the store rejects, which it records as unreadable. A page that is too large for the
    /// store is stored in parts, older messages first.
    ///
    /// # Errors
    /// [`IngestError`]; the parts that were stored until then stay.
    pub async fn store_page(
        &self,
        channel: ChannelId,
        page: Arc<MessagePage>,
        found: &[Unreadable],
    ) -> Result<usize, IngestError> {
        let observed_at = page.observed_at();
        let stored = in_portions(page, IngestError::of_store, |part| async move {
            let once = || async {
                let mut unit = self.begin(channel).await?;
                let outcome = write_page(&mut *unit, channel, &part, found).await?;
                record_files(&mut *unit, self.tenant, self.clock.now(), &part, &outcome).await?;
                Ok(unit.commit().await?)
            };
            self.retried(once).await
        });
        let refused = unreadable::of_refused(channel, &stored.await?.refused, observed_at);
        if !refused.is_empty() {
            // If every part was rejected, nothing was stored of the page, and no unreadable payload was recorded either.
            self.record_unreadable(channel, &[found, &refused].concat()).await?;
        }
        Ok(refused.len())
    }

    async fn record_unreadable(&self, channel: ChannelId, all: &[Unreadable]) -> Result<(), IngestError> {
        let once = || async {
            let mut unit = self.begin(channel).await?;
            unit.unreadable().upsert_all(channel, all).await?;
            Ok(unit.commit().await?)
        };
        self.retried(once).await
    }

    /// Corrects the channel's count of messages.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn recount(&self, channel: ChannelId) -> Result<(), IngestError> {
        let once = || async {
            let mut unit = self.store.begin().await?;
            let off = unit.channels().recount(channel).await?;
            if off > 0 {
                warn!(channel.id = %channel, rows = off, "message count corrected");
                self.raise_fence(&mut *unit, channel).await?;
                unit.commit().await?;
            }
            Ok(())
        };
        self.retried(once).await
    }

    /// Begins a unit on one channel that commits only if no writer with a higher fence has written there. It does not
    /// touch the lease, which all channels would then wait for.
    async fn begin(&self, channel: ChannelId) -> Result<Box<dyn UnitOfWork>, IngestError> {
        let mut unit = self.store.begin().await?;
        self.raise_fence(&mut *unit, channel).await?;
        Ok(unit)
    }

    async fn raise_fence(&self, unit: &mut dyn UnitOfWork, channel: ChannelId) -> Result<(), IngestError> {
        if unit.channels().fence(channel, self.fence).await? {
            return Ok(());
        }
        match unit.channels().find(channel).await? {
            Some(_) => Err(IngestError::Deposed),
            None => Err(StoreError::Missing { what: "channel" }.into()),
        }
    }

    async fn retried<T, F: Future<Output = Result<T, IngestError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, IngestError> {
        retry_in_store(&self.stop, IngestError::of_store, work).await
    }
}

/// Stores a page in `unit`, records its unreadable payloads `found`, and drops the recorded ones that it shows to be
/// gone.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn write_page(
    unit: &mut dyn UnitOfWork,
    channel: ChannelId,
    page: &MessagePage,
    found: &[Unreadable],
) -> Result<PageOutcome, StoreError> {
    let outcome = unit.messages().replace_interval(channel, page).await?;
    unreadable::record(unit, channel, page, &outcome, found).await?;
    Ok(outcome)
}

/// Returns the messages of a page that are stored as it shows them.
pub(crate) fn stored_as_shown<'a>(
    page: &'a MessagePage,
    outcome: &'a PageOutcome,
) -> impl Iterator<Item = &'a Message> + Send {
    page.messages().iter().filter(|message| !outcome.superseded.contains(&message.id))
}

/// Records the files of a page that the platform serves, and the pictures that the page shows, in the unit that has stored
/// the page with this outcome, so that none of them is lost. The state of a known one stays. A version that is not stored
/// has none.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn record_files(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    now: Timestamp,
    page: &MessagePage,
    outcome: &PageOutcome,
) -> Result<(), StoreError> {
    let state = FileState::seen(now);
    record_pictures(unit, tenant, now, stored_as_shown(page, outcome)).await?;
    let files = stored_as_shown(page, outcome).flat_map(|message| {
        let on_web = message.attachments.iter().filter(|file| file.url.is_some());
        on_web.map(|file| FileKey { channel: message.channel_id, message: message.id, attachment: file.id })
    });
    let files: Vec<_> = files.map(|key| File { key, state }).collect();
    if files.is_empty() { Ok(()) } else { unit.media().insert_all(tenant, &files).await }
}

/// Records the results of requests for files that are recorded, or that their messages list. Others are those of messages
/// that were deleted meanwhile: bytes that were stored for them are entered as unused. Locks the channels.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn record_results(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    files: &[File],
) -> Result<(), StoreError> {
    let channels: BTreeSet<ChannelId> = files.iter().map(|file| file.key.channel).collect();
    for channel in channels {
        if unit.channels().find(channel).await?.is_none() {
            return Err(StoreError::Missing { what: "channel" });
        }
    }
    let mut known = HashSet::new();
    let keys: BTreeSet<_> = files.iter().map(|file| (file.key.channel, file.key.message)).collect();
    for keys in keys.into_iter().collect::<Vec<_>>().chunks(MESSAGES) {
        known.extend(unit.media().find_all(keys).await?.iter().map(|file| file.key));
    }
    // Only an import brings files that are not recorded.
    let new = files.iter().filter(|file| !known.contains(&file.key));
    let keys: BTreeSet<_> = new.map(|file| (file.key.channel, file.key.message)).collect();
    for keys in keys.into_iter().collect::<Vec<_>>().chunks(MESSAGES) {
        for StoredMessage { message, .. } in unit.messages().find_all(keys).await? {
            let key = |attachment| FileKey { channel: message.channel_id, message: message.id, attachment };
            known.extend(message.attachments.iter().map(|file| key(file.id)));
        }
    }
    let (standing, others): (Vec<File>, Vec<File>) = files.iter().partition(|file| known.contains(&file.key));
    let hash = |file: &File| if let FileState::Stored { hash, .. } = file.state { Some(hash) } else { None };
    for hashes in others.iter().filter_map(hash).collect::<Vec<_>>().chunks(BATCH) {
        unit.unused_files().upsert_all(tenant, hashes).await?;
    }
    unit.media().upsert_all(tenant, &standing).await
}

#[cfg(test)]
mod tests;
