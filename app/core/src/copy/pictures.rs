//! Copies the pictures of a tenant from one store to another.

use std::collections::HashMap;

use domain::picture::{Picture, PictureKey};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::store::Store;

use super::CopyError;
use crate::retry::{LOST_RACE, retry};

/// The number of pictures that are copied at once.
const PAGE: u32 = 200;

/// Copies the pictures whose states replace those in `to`.
///
/// # Errors
/// [`CopyError`] if a store fails.
pub(super) async fn copy(from: &dyn Store, to: &dyn Store, tenant: TenantId) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let stored = page(from, tenant, after).await.map_err(CopyError::From)?;
        let Some(last) = stored.last() else { return Ok(()) };
        after = Some(last.key);
        let keys: Vec<PictureKey> = stored.iter().map(|picture| picture.key).collect();
        let copied = found(to, tenant, &keys).await.map_err(CopyError::To)?;
        let copied: HashMap<_, _> = copied.into_iter().map(|picture| (picture.key, picture.state)).collect();
        let newer = stored.into_iter().filter(|picture| picture.state.replaces(copied.get(&picture.key).copied()));
        let newer: Vec<Picture> = newer.collect();
        if newer.is_empty() {
            continue;
        }
        let store = async || {
            let mut unit = to.begin().await?;
            unit.pictures().upsert_all(tenant, &newer).await?;
            unit.commit().await
        };
        retry(&LOST_RACE, StoreError::is_retryable, store).await.map_err(CopyError::To)?;
    }
}

async fn page(store: &dyn Store, tenant: TenantId, after: Option<PictureKey>) -> Result<Vec<Picture>, StoreError> {
    store.read().await?.pictures().list(tenant, after, PAGE).await
}

async fn found(store: &dyn Store, tenant: TenantId, keys: &[PictureKey]) -> Result<Vec<Picture>, StoreError> {
    store.read().await?.pictures().find_all(tenant, keys).await
}
