//! Records the pictures that a guild has and that messages show.

use std::collections::BTreeMap;

use domain::guild::GuildObservation;
use domain::media::FileState;
use domain::message::Message;
use domain::picture::{Picture, PictureKey, SeenPicture};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::store::UnitOfWork;

use super::BATCH;

/// The largest picture that is stored, in bytes.
pub(crate) const LARGEST_PICTURE: u64 = 8 << 20;
/// The number of pictures that are found at once.
const FOUND: usize = 200;
/// The most pictures that are recorded of one page.
const MOST: usize = 1_000;

/// Records the pictures that messages show, at most 1,000, as seen. The state of a known picture stays.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn record_pictures<'a>(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    now: Timestamp,
    messages: impl IntoIterator<Item = &'a Message> + Send,
) -> Result<(), StoreError> {
    let mut seen: BTreeMap<PictureKey, SeenPicture> = BTreeMap::new();
    for picture in messages.into_iter().flat_map(Message::pictures) {
        if seen.len() == MOST {
            break;
        }
        seen.entry(picture.key).or_insert(picture);
    }
    let keys: Vec<PictureKey> = seen.keys().copied().collect();
    // Known ones are not written, so that pages which are stored at once need not wait for each other.
    for known in found(unit, tenant, &keys).await? {
        seen.remove(&known.key);
    }
    let new: Vec<Picture> = seen.into_values().map(|seen| Picture::waiting(seen, now)).collect();
    if new.is_empty() { Ok(()) } else { unit.pictures().insert_all(tenant, &new).await }
}

/// Stores the changes to the pictures of a tenant by an observation of its guild; bytes that replaced ones had until now
/// are entered as unused.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub(crate) async fn observe_pictures(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    shown: &GuildObservation<'_>,
) -> Result<(), StoreError> {
    let stored = found(unit, tenant, &shown.picture_keys()).await?;
    let changes = Picture::after_observation(&stored, shown, shown.observed_at);
    if changes.is_empty() {
        return Ok(());
    }
    let is_changed = |stored: &&Picture| changes.iter().any(|change| change.key == stored.key);
    enter_unused(unit, tenant, stored.iter().filter(is_changed)).await?;
    unit.pictures().upsert_all(tenant, &changes).await
}

/// Records the results of requests for pictures. One whose file has another name by now was replaced meanwhile: its bytes
/// are entered as unused.
///
/// # Errors
/// [`StoreError`] if the store fails, [`StoreError::Missing`] if the tenant is not stored.
pub(crate) async fn record_fetched(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    pictures: &[Picture],
) -> Result<(), StoreError> {
    if unit.tenants().find(tenant).await?.is_none() {
        return Err(StoreError::Missing { what: "tenant" });
    }
    let keys: Vec<PictureKey> = pictures.iter().map(|picture| picture.key).collect();
    let known: Vec<_> = found(unit, tenant, &keys).await?.into_iter().map(|known| (known.key, known.name)).collect();
    let is_known = |picture: &&Picture| known.iter().any(|(key, name)| *key == picture.key && *name == picture.name);
    let (standing, others): (Vec<&Picture>, Vec<&Picture>) = pictures.iter().partition(is_known);
    enter_unused(unit, tenant, others).await?;
    let standing: Vec<Picture> = standing.into_iter().cloned().collect();
    unit.pictures().upsert_all(tenant, &standing).await
}

async fn found(unit: &mut dyn UnitOfWork, tenant: TenantId, keys: &[PictureKey]) -> Result<Vec<Picture>, StoreError> {
    let mut found = Vec::new();
    for keys in keys.chunks(FOUND) {
        found.extend(unit.pictures().find_all(tenant, keys).await?);
    }
    Ok(found)
}

async fn enter_unused<'a>(
    unit: &mut dyn UnitOfWork,
    tenant: TenantId,
    pictures: impl IntoIterator<Item = &'a Picture>,
) -> Result<(), StoreError> {
    let hash = |picture: &Picture| if let FileState::Stored { hash, .. } = picture.state { Some(hash) } else { None };
    let hashes: Vec<_> = pictures.into_iter().filter_map(hash).collect();
    for hashes in hashes.chunks(BATCH) {
        unit.unused_files().upsert_all(tenant, hashes).await?;
    }
    Ok(())
}
