//! Creates, changes and deletes tenants.

use std::sync::Arc;

use domain::crawling::AiTraining;
use domain::domain_name::DomainName;
use domain::job::{Job, JobKind};
use domain::profile::{Contact, Description, Footer, Icon, IconKind, Links, Profile};
use domain::retention::{Retention, RetentionPeriod};
use domain::slug::TenantSlug;
use domain::solved::SolvedTags;
use domain::tenant::{Branding, Color, LogoUrl, Platform, PlatformId, Tenant, TenantId, TenantName, TenantStatus};
use futures::StreamExt as _;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::{MediaError, MediaStore};
use ports::store::Store;
use uuid::Uuid;

use crate::jobs::{new_id, unfinished_of};
use crate::retry::{LOST_RACE, retry};
use crate::slug::free_tenant_slug;

/// The reason why a tenant was not created, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum TenantsError {
    /// No tenant has this slug or id.
    #[error("there is no community {0:?}")]
    NotFound(String),
    /// Another tenant has the slug.
    #[error("the slug {0} is taken by another community")]
    SlugTaken(TenantSlug),
    /// Another tenant has the domain.
    #[error("the domain {0} is taken by another community")]
    DomainTaken(DomainName),
    /// The community is stored already.
    #[error("this community is stored already; its slug is {slug}")]
    Exists {
        /// The slug of the stored tenant.
        slug: TenantSlug,
    },
    /// It is stored, and being deleted.
    #[error("this community is being deleted; try again when that is done")]
    Deleting,
    /// The archive has a key, and this process has none.
    #[error(
        "the archive was written with a key that this process does not have: set PSEUDONYM_KEY to the archive's key, or \
         put its key file back, and restart Verta"
    )]
    KeyMissing,
    /// The bytes of an icon are not those of a picture in a format that every browser shows.
    #[error("an icon is a picture in the format PNG, JPEG, WebP or GIF")]
    NotAnIcon,
    /// The icon has more bytes than one may have.
    #[error("an icon has at most 1 MiB")]
    IconTooLarge,
    /// The icon was not stored.
    #[error("the icon was not stored")]
    Media(#[from] MediaError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl TenantsError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

/// A tenant to create.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its platform.
    pub platform: Platform,
    /// Its id on the platform.
    pub platform_id: PlatformId,
    /// Its name.
    pub name: TenantName,
    /// Its slug; `None` derives one from the name, with a number at its end if it is taken.
    pub slug: Option<TenantSlug>,
}

/// The changes to a tenant; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// Its name.
    pub name: Option<TenantName>,
    /// Its slug.
    pub slug: Option<TenantSlug>,
    /// The domain of its site.
    pub domain: Change<DomainName>,
    /// Whether it is served.
    pub status: Option<TenantStatus>,
    /// The appearance of its pages.
    pub branding: BrandingPatch,
    /// How it presents its archive.
    pub profile: ProfilePatch,
    /// How long earlier texts are stored.
    pub retention: RetentionPatch,
    /// The forum tags that mark posts as solved.
    pub solved_tags: Option<SolvedTags>,
    /// Whether programs may collect its text to train models.
    pub ai_training: Option<AiTraining>,
}

/// The changes to the retention of a tenant; `None` leaves a period as it is. Texts that a shorter period no longer
/// covers are removed within an hour; those that were not stored before do not come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionPatch {
    /// The period of deleted messages.
    pub deleted: Option<RetentionPeriod>,
    /// The period of edited texts.
    pub edited: Option<RetentionPeriod>,
}

impl RetentionPatch {
    /// Returns a patch after which no earlier text is stored.
    #[must_use]
    pub const fn clear() -> Self {
        Self { deleted: Some(RetentionPeriod::NONE), edited: Some(RetentionPeriod::NONE) }
    }

    fn apply(self, retention: &mut Retention) {
        retention.deleted = self.deleted.unwrap_or(retention.deleted);
        retention.edited = self.edited.unwrap_or(retention.edited);
    }
}

/// The change to a field that can be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Leave the field as it is.
    #[default]
    Keep,
    /// Clear the field.
    Clear,
    /// Replace the value.
    Set(T),
}

impl<T: Clone> Change<T> {
    fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }
}

/// The changes to a tenant's branding. They are applied to the stored values at that time, so two patches of different
/// fields both take effect.
#[derive(Debug, Clone, Default)]
pub struct BrandingPatch {
    /// Its logo.
    pub logo_url: Change<LogoUrl>,
    /// The colour of the header and of links.
    pub primary_color: Change<Color>,
    /// The secondary colour.
    pub secondary_color: Change<Color>,
    /// The colour of highlights.
    pub accent_color: Change<Color>,
}

impl BrandingPatch {
    /// Returns a patch that clears every field.
    #[must_use]
    pub const fn clear() -> Self {
        Self {
            logo_url: Change::Clear,
            primary_color: Change::Clear,
            secondary_color: Change::Clear,
            accent_color: Change::Clear,
        }
    }

    fn apply(&self, branding: &mut Branding) {
        self.logo_url.apply(&mut branding.logo_url);
        self.primary_color.apply(&mut branding.primary_color);
        self.secondary_color.apply(&mut branding.secondary_color);
        self.accent_color.apply(&mut branding.accent_color);
    }
}

/// The changes to a tenant's profile, which are applied like those to its branding. Its icon is changed by
/// [`Tenants::set_icon`].
#[derive(Debug, Clone, Default)]
pub struct ProfilePatch {
    /// What it says of itself.
    pub description: Change<Description>,
    /// The text at the end of its pages.
    pub footer: Change<Footer>,
    /// Whom to contact.
    pub contact: Change<Contact>,
    /// Its links.
    pub links: Option<Links>,
}

impl ProfilePatch {
    /// Returns a patch that clears every field.
    #[must_use]
    pub fn clear() -> Self {
        let links = Some(Links::default());
        Self { description: Change::Clear, footer: Change::Clear, contact: Change::Clear, links }
    }

    fn apply(&self, profile: &mut Profile) {
        self.description.apply(&mut profile.description);
        self.footer.apply(&mut profile.footer);
        self.contact.apply(&mut profile.contact);
        if let Some(links) = &self.links {
            profile.links.clone_from(links);
        }
    }
}

/// Creates, changes and deletes tenants.
#[derive(Clone)]
pub struct Tenants {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    has_key: bool,
}

impl Tenants {
    /// Works on `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, has_key: true }
    }

    /// Returns the same for a process without the archive's key: it writes only to an archive without a check value.
    #[must_use]
    pub fn without_key(self) -> Self {
        Self { has_key: false, ..self }
    }

    async fn begin(&self) -> Result<Box<dyn ports::store::UnitOfWork>, TenantsError> {
        let mut unit = self.store.begin().await?;
        if !self.has_key && unit.archive().key_check().await?.is_some() {
            return Err(TenantsError::KeyMissing);
        }
        Ok(unit)
    }

    /// Creates a tenant.
    ///
    /// # Errors
    /// [`TenantsError::KeyMissing`], [`TenantsError::Exists`], [`TenantsError::Deleting`] or [`TenantsError::SlugTaken`].
    pub async fn create(&self, new: &NewTenant) -> Result<Tenant, TenantsError> {
        retry(&LOST_RACE, TenantsError::is_retryable, || self.create_once(new)).await
    }

    async fn create_once(&self, new: &NewTenant) -> Result<Tenant, TenantsError> {
        let mut unit = self.begin().await?;
        if let Some(stored) = unit.tenants().find(TenantId::of(new.platform, &new.platform_id)).await? {
            return Err(match stored.deleting_since {
                Some(_) => TenantsError::Deleting,
                None => TenantsError::Exists { slug: stored.slug },
            });
        }
        let slug = match &new.slug {
            Some(slug) if unit.tenants().find_by_slug(slug).await?.is_some() => {
                return Err(TenantsError::SlugTaken(slug.clone()));
            }
            Some(slug) => slug.clone(),
            None => free_tenant_slug(&mut *unit, new.name.as_str()).await?,
        };
        let tenant = Tenant::new(new.platform, new.platform_id.clone(), slug, new.name.clone(), self.clock.now());
        unit.tenants().insert(&tenant).await?;
        unit.commit().await?;
        Ok(tenant)
    }

    /// Returns the tenant with this slug or id, whatever its status.
    ///
    /// # Errors
    /// [`TenantsError::NotFound`].
    pub async fn find(&self, reference: &str) -> Result<Tenant, TenantsError> {
        find(&mut *self.store.read().await?, reference).await
    }

    /// Applies `patch` to a tenant.
    ///
    /// # Errors
    /// [`TenantsError::KeyMissing`], [`TenantsError::NotFound`], [`TenantsError::SlugTaken`] or
    /// [`TenantsError::DomainTaken`].
    pub async fn update(&self, reference: &str, patch: &TenantPatch) -> Result<Tenant, TenantsError> {
        retry(&LOST_RACE, TenantsError::is_retryable, || self.update_once(reference, patch)).await
    }

    async fn update_once(&self, reference: &str, patch: &TenantPatch) -> Result<Tenant, TenantsError> {
        let mut unit = self.begin().await?;
        let stored = find(&mut *unit, reference).await?;
        let mut changed = stored.clone();
        changed.name = patch.name.clone().unwrap_or(changed.name);
        changed.slug = patch.slug.clone().unwrap_or(changed.slug);
        patch.domain.apply(&mut changed.domain);
        changed.status = patch.status.unwrap_or(changed.status);
        patch.branding.apply(&mut changed.branding);
        patch.profile.apply(&mut changed.profile);
        patch.retention.apply(&mut changed.retention);
        changed.ai_training = patch.ai_training.unwrap_or(changed.ai_training);
        changed.solved_tags = patch.solved_tags.clone().unwrap_or(changed.solved_tags);
        if changed == stored {
            return Ok(stored);
        }
        changed.updated_at = self.clock.now();
        match unit.tenants().update(&changed).await {
            Err(StoreError::Duplicate { what }) => return Err(taken(what, changed)),
            outcome => outcome?,
        }
        unit.commit().await?;
        Ok(changed)
    }

    /// Stores `bytes` in `media` as the icon of a tenant, instead of the one before.
    ///
    /// # Errors
    /// [`TenantsError::NotAnIcon`], [`TenantsError::IconTooLarge`], [`TenantsError::Media`],
    /// [`TenantsError::KeyMissing`] or [`TenantsError::NotFound`].
    pub async fn set_icon(
        &self,
        reference: &str,
        bytes: Vec<u8>,
        media: &dyn MediaStore,
    ) -> Result<Tenant, TenantsError> {
        let kind = IconKind::of(&bytes).ok_or(TenantsError::NotAnIcon)?;
        if bytes.len() > Icon::MOST_BYTES {
            return Err(TenantsError::IconTooLarge);
        }
        // A process without the key stores nothing.
        let tenant = find(&mut *self.begin().await?, reference).await?;
        let put = async || {
            let whole = Ok(bytes.clone().into());
            media.put(tenant.id, futures::stream::iter([whole]).boxed()).await
        };
        let (hash, _) = put().await?;
        let changed = self.change_icon(reference, Some(Icon { hash, kind })).await?;
        // Equal bytes of a deleted message may have been removed meanwhile; from the commit on they are not.
        put().await?;
        Ok(changed)
    }

    /// Removes the icon of a tenant; fine if it has none.
    ///
    /// # Errors
    /// [`TenantsError::KeyMissing`] or [`TenantsError::NotFound`].
    pub async fn remove_icon(&self, reference: &str) -> Result<Tenant, TenantsError> {
        self.change_icon(reference, None).await
    }

    async fn change_icon(&self, reference: &str, icon: Option<Icon>) -> Result<Tenant, TenantsError> {
        retry(&LOST_RACE, TenantsError::is_retryable, || self.change_icon_once(reference, icon)).await
    }

    async fn change_icon_once(&self, reference: &str, icon: Option<Icon>) -> Result<Tenant, TenantsError> {
        let mut unit = self.begin().await?;
        let mut tenant = find(&mut *unit, reference).await?;
        if tenant.profile.icon == icon {
            return Ok(tenant);
        }
        let before = std::mem::replace(&mut tenant.profile.icon, icon);
        tenant.updated_at = self.clock.now();
        unit.tenants().update(&tenant).await?;
        if let Some(before) = before {
            unit.unused_files().upsert_all(tenant.id, &[before.hash]).await?;
        }
        unit.commit().await?;
        Ok(tenant)
    }

    /// Removes a tenant from every response at once, and creates a job that removes its content.
    ///
    /// # Errors
    /// [`TenantsError::KeyMissing`] or [`TenantsError::NotFound`].
    pub async fn delete(&self, reference: &str) -> Result<Job, TenantsError> {
        retry(&LOST_RACE, TenantsError::is_retryable, || self.delete_once(reference)).await
    }

    async fn delete_once(&self, reference: &str) -> Result<Job, TenantsError> {
        let now = self.clock.now();
        let mut unit = self.begin().await?;
        let tenant_id = find(&mut *unit, reference).await?.id;
        // Locked from here on, so that no sync is requested meanwhile.
        let tenant = unit.tenants().find(tenant_id).await?.filter(|tenant| tenant.deleting_since.is_none());
        let tenant = tenant.ok_or_else(|| TenantsError::NotFound(reference.chars().take(64).collect()))?;
        let waiting = unfinished_of(&mut *unit).await?;
        let job = Job::new(new_id(), tenant_id, JobKind::Delete, now);
        unit.tenants().update(&Tenant { deleting_since: Some(now), updated_at: now, ..tenant }).await?;
        // Its running jobs end, before they write content that is being removed.
        for other in waiting.into_iter().filter(|other| other.tenant_id == tenant_id) {
            // Loaded again, under lock.
            if let Some(mut other) = unit.jobs().find(other.id).await?.filter(|other| other.kind.is_sync()) {
                other.request_cancel(now);
                unit.jobs().upsert(&other).await?;
            }
        }
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok(job)
    }
}

/// Returns the error for a tenant whose slug or domain is taken.
fn taken(what: &str, tenant: Tenant) -> TenantsError {
    match tenant.domain {
        Some(domain) if what == "tenant domain" => TenantsError::DomainTaken(domain),
        _ => TenantsError::SlugTaken(tenant.slug),
    }
}

/// Returns the tenant with this slug, else the one with this id: some slugs are valid ids, too.
async fn find<R: ports::store::Repositories + ?Sized>(at: &mut R, reference: &str) -> Result<Tenant, TenantsError> {
    let mut found = match TenantSlug::new(reference) {
        Ok(slug) => at.tenants().find_by_slug(&slug).await?,
        Err(_) => None,
    };
    if let (None, Ok(id)) = (&found, Uuid::try_parse(reference)) {
        found = at.tenants().find(TenantId(id)).await?;
    }
    let served = found.filter(|tenant| tenant.deleting_since.is_none());
    served.ok_or_else(|| TenantsError::NotFound(reference.chars().take(64).collect()))
}

#[cfg(test)]
mod tests;
