//! The pictures of guilds and of texts.

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::media::ContentHash;
use domain::picture::{Picture, PictureKey, PictureKind};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::picture::PictureRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::media::{state, state_values};
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait PictureStatements: Session {
    /// Stores a picture; one that is stored already stays as it is.
    const INSERT: &'static str;
    /// Stores a picture; one that is stored already gets the new name and state.
    const UPSERT: &'static str;
    /// Finds pictures of a tenant.
    const FIND_ALL: &'static str;
    /// Lists the pictures of a tenant by key.
    const LIST: &'static str;
    /// Lists the pictures of a tenant that are due, the earliest first.
    const LIST_DUE: &'static str;
    /// Lists the pictures of a tenant by the hash of their bytes.
    const LIST_STORED: &'static str;
}

impl FromRow for Picture {
    const TABLE: &'static str = "pictures";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { key: row.parse("picture_key")?, name: row.parse("name")?, state: state(row)? })
    }
}

fn parameters_of(tenant: TenantId, Picture { key, name, state }: &Picture) -> Parameters<'static> {
    let [state, tries, due_at, hash, size_bytes, format, width, height] = state_values(*state);
    parameters! {
        "tenant_id" => tenant.0,
        "picture_key" => key.to_string(),
        "name" => name.as_str().to_owned(),
        "state" => state,
        "tries" => tries,
        "due_at" => due_at,
        "hash" => hash,
        "size_bytes" => size_bytes,
        "format" => format,
        "width" => width,
        "height" => height,
    }
}

#[async_trait]
impl<U: PictureStatements> PictureRepository for SqlUnit<U> {
    #[instrument(name = "db.picture.insert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn insert_all(&mut self, tenant: TenantId, pictures: &[Picture]) -> Result<(), StoreError> {
        let rows = pictures.iter().map(|picture| parameters_of(tenant, picture)).collect();
        self.0.execute_all("tenant", U::INSERT, rows).await.map(drop)
    }

    #[instrument(name = "db.picture.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, pictures: &[Picture]) -> Result<(), StoreError> {
        let rows = pictures.iter().map(|picture| parameters_of(tenant, picture)).collect();
        self.0.execute_all("tenant", U::UPSERT, rows).await?;
        if !pictures.is_empty() {
            // The icon of the guild is that of the tenant.
            let has_icon = pictures.iter().any(|picture| picture.key.kind == PictureKind::GuildIcon);
            self.0.log(tenant, [ChangeKind::GuildItems].into_iter().chain(has_icon.then_some(ChangeKind::Tenant)));
        }
        Ok(())
    }

    #[instrument(name = "db.picture.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, tenant: TenantId, keys: &[PictureKey]) -> Result<Vec<Picture>, StoreError> {
        let keys = keys.iter().map(|key| values![key.to_string()]).collect();
        let mut found: Vec<Picture> = self.0.select_each(U::FIND_ALL, Some(tenant.0.into()), keys).await?;
        found.sort_by_cached_key(|picture| picture.key.to_string());
        found.dedup_by_key(|picture| picture.key);
        Ok(found)
    }

    #[instrument(name = "db.picture.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        tenant: TenantId,
        after: Option<PictureKey>,
        limit: u32,
    ) -> Result<Vec<Picture>, StoreError> {
        let after = after.map_or_else(String::new, |key| key.to_string());
        self.0.select(U::LIST, parameters! { "tenant_id" => tenant.0, "after" => after, "limit" => limit }).await
    }

    #[instrument(name = "db.picture.list_due", level = "debug", skip_all, err(level = "trace"))]
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<Picture>, StoreError> {
        let parameters = parameters! { "tenant_id" => tenant.0, "due_at" => now, "limit" => limit };
        self.0.select(U::LIST_DUE, parameters).await
    }

    #[instrument(name = "db.picture.list_stored", level = "debug", skip_all, err(level = "trace"))]
    async fn list_stored(
        &mut self,
        tenant: TenantId,
        hash: ContentHash,
        limit: u32,
    ) -> Result<Vec<Picture>, StoreError> {
        let parameters = parameters! { "tenant_id" => tenant.0, "hash" => hash.to_string(), "limit" => limit };
        self.0.select(U::LIST_STORED, parameters).await
    }
}
