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
        let store = async || {
            let mut unit = to.begin().await?;
            let copied = unit.pictures().find_all(tenant, &keys).await?;
            let copied: HashMap<_, _> = copied.into_iter().map(|picture| (picture.key, picture.state)).collect();
            let is_newer = |picture: &&Picture| picture.state.replaces(copied.get(&picture.key).copied());
            let newer: Vec<Picture> = stored.iter().filter(is_newer).cloned().collect();
            if newer.is_empty() {
                return Ok(());
            }
            unit.pictures().upsert_all(tenant, &newer).await?;
            unit.commit().await
        };
        retry(&LOST_RACE, StoreError::is_retryable, store).await.map_err(CopyError::To)?;
    }
}

async fn page(store: &dyn Store, tenant: TenantId, after: Option<PictureKey>) -> Result<Vec<Picture>, StoreError> {
    store.read().await?.pictures().list(tenant, after, PAGE).await
}
