//! Copies an archive from one store to another, and verifies that both are the same.
//!
//! Everything is compared before it is written, so an interrupted copy is simply run again, and copying an unchanged
//! archive changes nothing; equal parts are recognised by their marks and not read completely until the verification.
//! Of a message the latest observation in both archives wins, whether it has the message or lacks it, and an explicit
//! deletion in either is final. So newer content of the target stays: the verification then names the channel.
//!
//! The state of files and the earlier texts are copied with their messages; the bytes of files stay in their media store.
//! Jobs are not copied: they are work of one installation. The change log is not copied either: its numbers are an order
//! that each store assigns, and a follower follows one store, so a copy appends changes of its own.

mod checksum;
mod files;
mod messages;
mod pictures;
mod unreadable;
mod versions;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::channel::{Channel, ChannelId};
use domain::coverage::{Coverage, Segments};
use domain::domain_name::DomainName;
use domain::guild::GuildItems;
use domain::message::MessageId;
use domain::removal::Removal;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::{Store, UnitOfWork};
use serde::Serialize;
use tokio::time::Instant;

use crate::channels;
use crate::key::record;
use crate::retry::{LOST_RACE, retry};

/// The number of messages in one unit.
const PAGE: u32 = 1000;
/// The number of channels in one unit.
const CHANNELS: u32 = 100;

/// The reason why an archive was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source archive failed.
    #[error("the archive to copy from")]
    From(#[source] StoreError),
    /// The target archive failed.
    #[error("the archive to copy to")]
    To(#[source] StoreError),
    /// Another community has the slug.
    #[error("the target has another community with the slug {0}: rename one of them first")]
    SlugTaken(TenantSlug),
    /// Another community has the domain.
    #[error("the target has another community with the domain {0}: remove it there or here first")]
    DomainTaken(DomainName),
    /// The target is deleting the community.
    #[error("the target is deleting the community {0}: wait until it is gone")]
    Deleting(TenantSlug),
    /// The target is written with another key.
    #[error(
        "the target was written with another key, so the same people have other names there: copy into a new archive"
    )]
    OtherKey,
    /// The target is written with a key, and the source has no check value to compare it with.
    #[error(
        "the archive to copy from has no check value of its key, so it is unknown whether the target was written with \
         the same one: import or sync something into it with its key first, or copy into a new archive"
    )]
    UnknownKey,
    /// A channel whose parents were never found.
    #[error("channel {0} belongs to a channel that is not stored")]
    Orphan(ChannelId),
}

impl CopyError {
    const fn of_target(&self) -> Option<&StoreError> {
        if let Self::To(error) = self { Some(error) } else { None }
    }

    const fn is_retryable(&self) -> bool {
        match self {
            Self::From(error) | Self::To(error) => error.is_retryable(),
            _ => false,
        }
    }
}

/// Receives the progress of a copy.
pub trait CopyListener: Send + Sync {
    /// The copy begins, of about this many messages.
    fn begin(&self, messages: u64);
    /// This many messages in total are copied, or verified.
    fn copied(&self, messages: u64);
    /// The verification begins, of about this many messages.
    fn verify(&self, messages: u64);
}

/// One channel of both archives, or of only one of them.
#[derive(Debug, Serialize)]
pub struct ChannelReport {
    /// The channel.
    pub channel_id: ChannelId,
    /// The number of stored messages that are not deleted.
    pub messages: u64,
    /// The number of tombstones.
    pub deleted: u64,
    /// A SHA-256 over all stored content of the channel, hexadecimal; equal for equal archives.
    pub checksum: String,
}

/// The result of a copy.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The communities that were copied.
    pub tenants: Vec<TenantSlug>,
    /// Their channels, as they are in the source.
    pub channels: Vec<ChannelReport>,
    /// The duration.
    pub seconds: f64,
    /// Channels that differ in the target, and those that only the target has.
    #[serde(skip)]
    pub differing: Vec<ChannelId>,
    /// Communities whose roles, emoji or stickers differ in the target.
    #[serde(skip)]
    pub differing_tenants: Vec<TenantSlug>,
}

/// Copies from one store to another.
pub struct Copier {
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
}

impl Copier {
    /// Returns a copier from `from` to `to`.
    #[must_use]
    pub fn new(from: Arc<dyn Store>, to: Arc<dyn Store>) -> Self {
        Self { from, to }
    }

    /// Copies everything and verifies it.
    ///
    /// # Errors
    /// [`CopyError`] if a store fails or the target rejects a community; the part that was copied until then stays.
    pub async fn run(&self, progress: &dyn CopyListener) -> Result<Report, CopyError> {
        let start = Instant::now();
        let tenants = self.tenants().await?;
        self.key(!tenants.is_empty()).await?;
        let mut total = 0;
        for tenant in &tenants {
            retry(&LOST_RACE, CopyError::is_retryable, || self.tenant(tenant)).await?;
            retry(&LOST_RACE, CopyError::is_retryable, || self.items(tenant.id)).await?;
            pictures::copy(&*self.from, &*self.to, tenant.id).await?;
            total += self.channels(tenant.id).await?;
        }
        progress.begin(total);
        let mut copied = 0;
        for tenant in &tenants {
            let mut after = None;
            while let Some(page) = self.channel_page(tenant.id, &mut after).await? {
                for channel in page {
                    let (_, proven) = what_is_proven(&*self.from, channel.id).await.map_err(CopyError::From)?;
                    self.absent(channel.id, &proven).await?;
                    let (refused, has_new) = self.messages(channel.id, &proven, &mut copied, progress).await?;
                    retry(&LOST_RACE, CopyError::is_retryable, || self.coverage(channel.id, &refused)).await?;
                    retry(&LOST_RACE, CopyError::is_retryable, || self.unreadable(channel.id)).await?;
                    if has_new {
                        retry(&LOST_RACE, CopyError::is_retryable, || self.enter_removal(channel.id)).await?;
                    }
                    files::copy(&*self.from, &*self.to, &channel).await?;
                    versions::copy(&*self.from, &*self.to, &channel).await?;
                }
            }
        }
        progress.verify(total);
        let (mut channels, mut differing, mut differing_tenants) = (Vec::new(), Vec::new(), Vec::new());
        let mut verified = 0;
        for tenant in &tenants {
            let mut after = None;
            while let Some(page) = self.channel_page(tenant.id, &mut after).await? {
                for channel in page {
                    let (stored, copy) = futures::future::join(
                        checksum::of(&*self.from, channel.id),
                        checksum::of(&*self.to, channel.id),
                    )
                    .await;
                    let (stored, copy) = (stored.map_err(CopyError::From)?, copy.map_err(CopyError::To)?);
                    if stored.checksum != copy.checksum {
                        differing.push(channel.id);
                    }
                    verified += stored.messages + stored.deleted;
                    progress.copied(verified);
                    channels.push(stored);
                }
            }
            differing.extend(self.surplus(tenant.id).await?);
            let stored = items(&*self.from, tenant.id).await.map_err(CopyError::From)?;
            if stored != items(&*self.to, tenant.id).await.map_err(CopyError::To)? {
                differing_tenants.push(tenant.slug.clone());
            }
        }
        let tenants = tenants.into_iter().map(|tenant| tenant.slug).collect();
        Ok(Report { tenants, channels, seconds: start.elapsed().as_secs_f64(), differing, differing_tenants })
    }

    /// Stores the check value of the source's key in the target.
    async fn key(&self, has_data: bool) -> Result<(), CopyError> {
        let mut read = self.from.read().await.map_err(CopyError::From)?;
        let check = read.archive().key_check().await.map_err(CopyError::From)?;
        drop(read);
        match check {
            Some(check) if record(&*self.to, check).await.map_err(CopyError::To)? != check => Err(CopyError::OtherKey),
            None if has_data => {
                let mut read = self.to.read().await.map_err(CopyError::To)?;
                let known = read.archive().key_check().await.map_err(CopyError::To)?;
                known.map_or(Ok(()), |_| Err(CopyError::UnknownKey))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn tenants(&self) -> Result<Vec<Tenant>, CopyError> {
        let mut read = self.from.read().await.map_err(CopyError::From)?;
        let (mut all, mut after) = (Vec::<Tenant>::new(), None);
        loop {
            let page = read.tenants().list(Page { after, limit: CHANNELS }).await.map_err(CopyError::From)?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(last.slug.clone());
            all.extend(page);
        }
    }

    async fn tenant(&self, tenant: &Tenant) -> Result<(), CopyError> {
        let mut read = self.to.read().await.map_err(CopyError::To)?;
        let stored = read.tenants().find(tenant.id).await.map_err(CopyError::To)?;
        drop(read);
        if stored.is_some_and(|stored| stored.deleting_since.is_none() && stored.updated_at >= tenant.updated_at) {
            return Ok(());
        }
        let mut unit = self.begin().await?;
        let with_slug = unit.tenants().find_by_slug(&tenant.slug).await.map_err(CopyError::To)?;
        if with_slug.is_some_and(|other| other.id != tenant.id) {
            return Err(CopyError::SlugTaken(tenant.slug.clone()));
        }
        match unit.tenants().find(tenant.id).await.map_err(CopyError::To)? {
            None => unit.tenants().insert(tenant).await.map_err(|error| rejected(tenant, error))?,
            Some(stored) if stored.deleting_since.is_some() => return Err(CopyError::Deleting(stored.slug)),
            Some(stored) if stored.updated_at < tenant.updated_at => {
                unit.tenants().update(tenant).await.map_err(|error| rejected(tenant, error))?;
            }
            Some(_) => return Ok(()),
        }
        unit.commit().await.map_err(CopyError::To)
    }

    /// Copies the roles, emoji and stickers of a tenant.
    async fn items(&self, tenant: TenantId) -> Result<(), CopyError> {
        let copy = items(&*self.from, tenant).await.map_err(CopyError::From)?;
        if items(&*self.to, tenant).await.map_err(CopyError::To)?.after_copy(&copy).is_none() {
            return Ok(());
        }
        let mut unit = self.begin().await?;
        let stored = unit.guilds().list(tenant).await.map_err(CopyError::To)?;
        let Some(changes) = stored.after_copy(&copy) else { return Ok(()) };
        unit.guilds().upsert_all(tenant, &changes).await.map_err(CopyError::To)?;
        unit.commit().await.map_err(CopyError::To)
    }

    /// Copies the channels of a tenant, parents first; returns the number of their messages.
    async fn channels(&self, tenant: TenantId) -> Result<u64, CopyError> {
        let mut read = self.from.read().await.map_err(CopyError::From)?;
        let mut left = channels::without_threads(&mut *read, tenant).await.map_err(CopyError::From)?;
        drop(read);
        let mut total = 0;
        let mut stored = HashSet::new();
        while let Some(first) = left.first().map(|channel| channel.id) {
            let ready = |channel: &Channel| channel.parent_id.is_none_or(|parent| stored.contains(&parent));
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(ready);
            if now.is_empty() {
                return Err(CopyError::Orphan(first));
            }
            for some in now.chunks(CHANNELS as usize) {
                retry(&LOST_RACE, CopyError::is_retryable, || self.store_channels(some)).await?;
            }
            total += now.iter().map(|channel| channel.stats.message_count).sum::<u64>();
            stored.extend(now.iter().map(|channel| channel.id));
            left = later;
        }
        let mut after = None;
        while let Some(page) = self.channel_page(tenant, &mut after).await? {
            let threads: Vec<_> = page.into_iter().filter(|channel| channel.kind.is_thread()).collect();
            retry(&LOST_RACE, CopyError::is_retryable, || self.store_channels(&threads)).await?;
            total += threads.iter().map(|channel| channel.stats.message_count).sum::<u64>();
        }
        Ok(total)
    }

    async fn store_channels(&self, channels: &[Channel]) -> Result<(), CopyError> {
        let ids: Vec<_> = channels.iter().map(|channel| channel.id).collect();
        let mut read = self.to.read().await.map_err(CopyError::To)?;
        let copied = read.channels().find_all(&ids).await.map_err(CopyError::To)?;
        drop(read);
        let copied: HashMap<_, _> = copied.into_iter().map(|channel| (channel.id, channel)).collect();
        if channels.iter().all(|channel| channel.after_copy(copied.get(&channel.id)).is_none()) {
            return Ok(());
        }
        let mut unit = self.begin().await?;
        for channel in channels {
            let stored = unit.channels().find(channel.id).await.map_err(CopyError::To)?;
            // A channel that is deleted in the target stays deleted.
            let coverage = match &stored {
                Some(stored) => unit.coverage().find(stored.id).await.map_err(CopyError::To)?,
                None => None,
            };
            let copy = channel.after_copy(stored.as_ref());
            if let Some(copy) = copy.filter(|_| !coverage.is_some_and(|coverage| coverage.is_deleted())) {
                unit.channels().upsert(&copy).await.map_err(CopyError::To)?;
            }
        }
        unit.commit().await.map_err(CopyError::To)
    }

    /// Returns the channels of the source after `after`, which advances; `None` after the last.
    async fn channel_page(
        &self,
        tenant: TenantId,
        after: &mut Option<ChannelId>,
    ) -> Result<Option<Vec<Channel>>, CopyError> {
        let page = channel_page(&*self.from, tenant, *after).await.map_err(CopyError::From)?;
        let Some(last) = page.last() else { return Ok(None) };
        *after = Some(last.id);
        Ok(Some(page))
    }

    /// Copies the proven intervals of a channel, except for the messages that the target rejects.
    async fn coverage(&self, channel: ChannelId, refused: &[MessageId]) -> Result<(), CopyError> {
        let (found, segments) = what_is_proven(&*self.from, channel).await.map_err(CopyError::From)?;
        let Some(coverage) = found else { return Ok(()) };
        let coverage = refused.iter().fold(coverage, |stored, id| stored.without(*id));
        let segments = refused.iter().fold(segments, |stored, id| stored.without(*id));
        let (copied, copied_segments) = what_is_proven(&*self.to, channel).await.map_err(CopyError::To)?;
        if copied_segments == segments && copied.is_some_and(|copied| copied.agrees_with(&coverage)) {
            return Ok(());
        }
        let mut unit = self.begin().await?;
        unit.coverage().restore(&coverage, &segments).await.map_err(CopyError::To)?;
        unit.commit().await.map_err(CopyError::To)
    }

    /// Enters the removal of the messages of a channel that is deleted in the target: copied ones may have content.
    async fn enter_removal(&self, channel: ChannelId) -> Result<(), CopyError> {
        let (found, _) = what_is_proven(&*self.to, channel).await.map_err(CopyError::To)?;
        let Some(coverage) = found.filter(Coverage::is_deleted) else { return Ok(()) };
        let due_at = coverage.checked_at.unwrap_or(Timestamp::EPOCH);
        let mut unit = self.begin().await?;
        unit.removals().upsert_all(&[Removal { channel, message: None, due_at }]).await.map_err(CopyError::To)?;
        unit.commit().await.map_err(CopyError::To)
    }

    /// Returns the channels that only the target has.
    async fn surplus(&self, tenant: TenantId) -> Result<Vec<ChannelId>, CopyError> {
        let (mut surplus, mut after) = (Vec::new(), None);
        loop {
            let page = channel_page(&*self.to, tenant, after).await.map_err(CopyError::To)?;
            let Some(last) = page.last() else { return Ok(surplus) };
            after = Some(last.id);
            let ids: Vec<_> = page.iter().map(|channel| channel.id).collect();
            let mut read = self.from.read().await.map_err(CopyError::From)?;
            let stored = read.channels().find_all(&ids).await.map_err(CopyError::From)?;
            let stored: HashSet<_> = stored.into_iter().map(|channel| channel.id).collect();
            surplus.extend(ids.into_iter().filter(|id| !stored.contains(id)));
        }
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, CopyError> {
        self.to.begin().await.map_err(CopyError::To)
    }
}

/// Returns the error for a tenant that the target rejected; its slug was found free.
fn rejected(tenant: &Tenant, error: StoreError) -> CopyError {
    match (&tenant.domain, &error) {
        (Some(domain), StoreError::Duplicate { what: "tenant domain" }) => CopyError::DomainTaken(domain.clone()),
        _ => CopyError::To(error),
    }
}

async fn items(store: &dyn Store, tenant: TenantId) -> Result<GuildItems, StoreError> {
    store.read().await?.guilds().list(tenant).await
}

async fn what_is_proven(store: &dyn Store, channel: ChannelId) -> Result<(Option<Coverage>, Segments), StoreError> {
    let mut read = store.read().await?;
    let found = read.coverage().find(channel).await?;
    Ok((found, read.coverage().segments(channel).await?))
}

async fn channel_page(
    store: &dyn Store,
    tenant: TenantId,
    after: Option<ChannelId>,
) -> Result<Vec<Channel>, StoreError> {
    store.read().await?.channels().list_all(tenant, Page { after, limit: CHANNELS }).await
}
