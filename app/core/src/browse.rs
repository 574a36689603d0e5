//! Reads the archive: the tenants, channels and messages that a client may see.

mod about;
mod changed;
mod changes;
mod channels;
mod context;
mod cut;
mod days;
mod feed;
mod files;
mod hits;
mod invalidation;
mod list;
mod memory;
mod messages;
mod opener;
mod pictures;
mod reads;
mod shared;
mod sitemap;
mod snapshot;
mod structure;

use std::sync::Arc;

use domain::channel::ChannelId;
use domain::coverage::Coverage;
use domain::job::{JobKind, JobState};
use domain::slug::TenantSlug;
use domain::sync::Repair;
use domain::tenant::{Tenant, TenantId, TenantStatus};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use uuid::Uuid;

use self::reads::Recorder;
use self::snapshot::{Segments, Snapshot};
use self::structure::{Structure, Structures};
use crate::follow::Freshness;
use crate::jobs::unfinished_of;

pub use self::about::Extent;
pub use self::changes::{Subject, Update};
pub use self::channels::{ChannelView, ThreadPage, ThreadView, Threads};
pub use self::context::PageContext;
pub use self::cut::MAX_PAGE_BYTES;
pub use self::days::{CanonicalPage, DayView, Front, Numbered, is_thin_thread};
pub use self::feed::FEED;
pub use self::files::{FileStates, FileView, shown_type, size_of, thumbnail_size};
pub use self::invalidation::{Derived, Invalidation};
pub use self::list::{ChannelFilter, ChannelPage, MAX_TREE};
pub use self::memory::from_memory;
pub use self::messages::{After, Entry, Find, MessageView, Messages, Roles};
pub use self::opener::{Opener, OpenerState, TagEmoji, TagEmojis};
pub use self::pictures::{PictureView, Pictures};
pub use self::reads::{Part, Reads, Recent, Topic, recorded};
pub use self::shared::{Form, SharedMessage};
pub use self::sitemap::SitemapPage;

/// The number of batches of 100 channels that are searched for one page of coverage, so that a tenant with few readable
/// ones costs no more.
const COVERAGE_ROUNDS: u32 = 10;

/// The number of batches of 100 tenants that are searched for one page of the public list, so that many hidden ones
/// cost no more.
const TENANT_ROUNDS: u32 = 10;

/// The audience of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The public: sees public channels of active tenants.
    Public,
    /// The holder of the admin key: sees everything that is stored.
    Admin,
}

/// The reason why a client does not see an item.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The item does not exist, or this client may not know of it.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The message was deleted.
    #[error("this message was deleted")]
    Deleted,
    /// Everything at this address was deleted.
    #[error("{0}")]
    Gone(&'static str),
    /// The tenant is temporarily not served.
    #[error("this community is temporarily not served")]
    Maintenance,
    /// The tenant is no longer served.
    #[error("this community is no longer served")]
    Cancelled,
    /// A cursor that is not from a list of the archive.
    #[error("{0} is not from a page of this list")]
    Cursor(&'static str),
    /// The store failed.
    #[error("the archive cannot be read")]
    Store(#[from] StoreError),
}

/// The coverage of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageView {
    /// The coverage.
    pub coverage: Coverage,
    /// The part that a sync is going to recheck.
    pub repairing: Option<Repair>,
}

/// Opens the archive for reading.
#[derive(Clone)]
pub struct Browse {
    store: Arc<dyn Store>,
    shared: Option<Shared>,
}

/// The parts of the archive that the snapshots of a process share.
#[derive(Clone)]
struct Shared {
    structures: Arc<Structures>,
    segments: Option<Arc<Segments>>,
    freshness: Freshness,
}

impl Browse {
    /// Returns a reader of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, shared: None }
    }

    /// Returns the same reader with the structures of tenants and segments of channels in memory, as long as
    /// `invalidation`, a subscriber of the follower with this freshness, keeps them current.
    #[must_use]
    pub fn with_shared(self, invalidation: &Invalidation, freshness: Freshness) -> Self {
        let (structures, segments) = (Arc::clone(&invalidation.structures), invalidation.segments.clone());
        Self { shared: Some(Shared { structures, segments, freshness }), ..self }
    }

    /// Returns the size of the segments in memory, about, in bytes.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        let segments = self.shared.as_ref().and_then(|shared| shared.segments.as_ref());
        segments.map_or(0, |segments| segments.bytes())
    }

    /// Returns a snapshot of the archive, as `audience` may see it. The store opens it for the first read that is not
    /// answered from memory.
    pub async fn open(&self, audience: Audience) -> Reading {
        let shared = match &self.shared {
            Some(shared) if audience == Audience::Public && shared.freshness.is_current().await => Some(shared),
            _ => None,
        };
        // Positions are taken before the snapshot is.
        let structures = shared.map(|shared| (Arc::clone(&shared.structures), shared.structures.position()));
        let segments = shared.and_then(|shared| shared.segments.clone());
        let segments = segments.map(|segments| (Arc::clone(&segments), segments.position()));
        let at = Snapshot::new(Arc::clone(&self.store), Recorder::current(), segments);
        Reading { at, audience, structures, structure: None }
    }
}

/// A snapshot of the archive, as one client may see it.
pub struct Reading {
    at: Snapshot,
    audience: Audience,
    /// The structures that this snapshot may use, and the position of their changes before it was opened.
    structures: Option<(Arc<Structures>, u64)>,
    /// The structure of the tenant that was read last.
    structure: Option<Arc<Structure>>,
}

impl Reading {
    /// Returns the audience of the snapshot.
    #[must_use]
    pub const fn audience(&self) -> Audience {
        self.audience
    }

    /// Returns the tenant with this slug, or, for the holder of the admin key, with this id.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`], and for the public [`BrowseError::Maintenance`] or [`BrowseError::Cancelled`].
    pub async fn tenant(&mut self, reference: &str) -> Result<Tenant, BrowseError> {
        let slug = TenantSlug::new(reference).ok();
        if let Some(slug) = &slug
            && let Some(structure) = self.structure_of(slug).await?
        {
            return Ok(structure.tenant.clone());
        }
        let mut found = match &slug {
            Some(slug) => self.at.tenant_by_slug(slug).await?,
            None => None,
        };
        // Some slugs are valid ids, too.
        if let (None, Audience::Admin, Ok(id)) = (&found, self.audience, Uuid::try_parse(reference)) {
            found = self.at.tenant(TenantId(id)).await?;
        }
        let tenant =
            found.filter(|tenant| tenant.deleting_since.is_none()).ok_or(BrowseError::NotFound("community"))?;
        match (self.audience, tenant.status) {
            (Audience::Admin, _) | (_, TenantStatus::Active) => Ok(self.at.with_icon(tenant).await?),
            (_, TenantStatus::Maintenance) => Err(BrowseError::Maintenance),
            (_, TenantStatus::Cancelled) => Err(BrowseError::Cancelled),
        }
    }

    /// Returns the structure of the tenant with this slug, which later reads use, too; `None` if it cannot be shared.
    async fn structure_of(&mut self, slug: &TenantSlug) -> Result<Option<&Structure>, BrowseError> {
        self.structure = match &self.structures {
            Some((structures, position)) => {
                let found = structures.find(slug);
                if found.is_some() {
                    found
                } else {
                    let made = self.at.structure(slug).await?.map(Arc::new);
                    made.inspect(|made| structures.insert(made, *position))
                }
            }
            None => None,
        };
        self.at.record_structure(self.structure.as_deref());
        Ok(self.structure.as_deref())
    }

    /// Returns the structure of `tenant`, if it is the one that was read last.
    fn structure(&self, tenant: TenantId) -> Option<&Arc<Structure>> {
        self.structure.as_ref().filter(|structure| structure.tenant.id == tenant)
    }

    /// Returns tenants by slug, at most `limit` after `after`, with the key of the next page; for the public, active
    /// ones with a public channel. A page of fewer than `limit` need not be the last.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn tenants(
        &mut self,
        mut after: Option<TenantSlug>,
        limit: u32,
    ) -> Result<(Vec<Tenant>, Option<TenantSlug>), BrowseError> {
        let (mut kept, wanted) = (Vec::new(), limit as usize + 1);
        let size = if self.audience == Audience::Admin { limit + 1 } else { 100 };
        for _ in 0..TENANT_ROUNDS {
            let page = self.at.tenants(Page { after, limit: size }).await?;
            after = page.last().filter(|_| page.len() == size as usize).map(|last| last.slug.clone());
            kept.extend(self.listed(page).await?);
            if after.is_none() || kept.len() >= wanted {
                break;
            }
        }
        if kept.len() >= wanted {
            kept.truncate(limit as usize);
            after = kept.last().map(|last: &Tenant| last.slug.clone());
        }
        Ok((self.at.with_icons(kept).await?, after))
    }

    /// Returns those of `tenants` that this client may list.
    async fn listed(&mut self, mut tenants: Vec<Tenant>) -> Result<Vec<Tenant>, BrowseError> {
        if self.audience == Audience::Public {
            tenants.retain(|tenant| tenant.status == TenantStatus::Active);
            let ids: Vec<_> = tenants.iter().map(|tenant| tenant.id).collect();
            let public = self.at.public_tenants(&ids).await?;
            tenants.retain(|tenant| public.contains(&tenant.id));
        }
        Ok(tenants)
    }

    /// Returns the coverage of a tenant's channels, ascending by channel id, with the part that a sync repairs: at most
    /// `limit` after `after`, with the key of the next page; for the public, of the channels that they may read. A page
    /// of fewer than `limit` need not be the last.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn coverage(
        &mut self,
        tenant: &Tenant,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<(Vec<CoverageView>, Option<Uuid>), BrowseError> {
        let mut after = after.map(ChannelId);
        let mut kept = Vec::new();
        let wanted = limit as usize + 1;
        for _ in 0..COVERAGE_ROUNDS {
            let page = self.at.untraced().await?.coverage().list(tenant.id, Page { after, limit: 100 }).await?;
            let Some(last) = page.last().map(|coverage| coverage.channel_id) else {
                after = None;
                break;
            };
            after = Some(last);
            let ids: Vec<_> = page.iter().map(|coverage| coverage.channel_id).collect();
            let readable = self.readable(tenant, &ids).await?;
            kept.extend(page.into_iter().filter(|coverage| readable.contains(&coverage.channel_id)));
            if kept.len() >= wanted {
                break;
            }
        }
        if kept.len() >= wanted {
            kept.truncate(limit as usize);
            after = kept.last().map(|coverage| coverage.channel_id);
        }
        Ok((self.with_repairs(tenant.id, kept).await?, after.map(|channel| channel.0)))
    }

    /// Adds the parts that syncs are going to recheck.
    async fn with_repairs(
        &mut self,
        tenant: TenantId,
        coverage: Vec<Coverage>,
    ) -> Result<Vec<CoverageView>, BrowseError> {
        if coverage.is_empty() {
            return Ok(Vec::new());
        }
        // A sync that failed has left its part to the next one.
        let newest = self.at.untraced().await?.jobs().list(tenant, Page { after: None, limit: 20 }).await?;
        let newest = newest.into_iter().find(|job| job.kind == JobKind::Incremental && job.has_ended());
        let failed = newest.filter(|job| job.state == JobState::Failed);
        let unfinished =
            unfinished_of(self.at.untraced().await?).await?.into_iter().filter(|job| job.tenant_id == tenant);
        let mut syncs: Vec<_> = failed.into_iter().chain(unfinished).collect();
        syncs.retain(|job| job.kind == JobKind::Incremental);
        let ids: Vec<_> = coverage.iter().map(|coverage| coverage.channel_id).collect();
        let states =
            if syncs.is_empty() { Vec::new() } else { self.at.untraced().await?.sync_states().find_all(&ids).await? };
        let view = |coverage: Coverage| {
            let state = states.iter().find(|state| state.channel_id == coverage.channel_id);
            let repairing = syncs.iter().find_map(|job| Repair::of(&coverage, state, job.created_at));
            CoverageView { coverage, repairing }
        };
        Ok(coverage.into_iter().map(view).collect())
    }

    /// Returns those of `ids` that this client may read; at most 200.
    async fn readable(&mut self, tenant: &Tenant, ids: &[ChannelId]) -> Result<Vec<ChannelId>, BrowseError> {
        if self.audience == Audience::Admin {
            return Ok(ids.to_vec());
        }
        Ok(self.named(tenant, ids).await?.into_iter().map(|channel| channel.id).collect())
    }
}

#[cfg(test)]
mod tests;
