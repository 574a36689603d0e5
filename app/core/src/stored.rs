//! Storing the bytes of files, with their content.

use std::sync::{Arc, Mutex, PoisonError};

use domain::media::{FileContent, FileState, HEAD_BYTES};
use domain::tenant::TenantId;
use futures::{StreamExt, TryStreamExt};
use ports::media::{FileBytes, MediaError, MediaStore};
use tracing::error;

/// Stores `bytes`; returns the state of a file of them, whose content is read from the bytes themselves, and its size
/// in bytes.
pub(crate) async fn store_bytes(
    media: &dyn MediaStore,
    tenant: TenantId,
    bytes: FileBytes,
) -> Result<(FileState, u64), MediaError> {
    let head = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&head);
    let bytes = bytes.inspect_ok(move |piece| {
        let mut head = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = HEAD_BYTES - head.len();
        head.extend_from_slice(&piece[..missing.min(piece.len())]);
    });
    let (hash, size_bytes) = media.put(tenant, bytes.boxed()).await?;
    let content = FileContent::of(&head.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((FileState::Stored { hash, size_bytes, content: Some(content) }, size_bytes))
}

/// Deletes all bytes of a tenant that is deleted: those that were stored since its deletion would otherwise stay for ever. A
/// failure is logged.
pub(crate) async fn forget_tenant(media: &dyn MediaStore, tenant: TenantId) {
    if let Err(failed) = media.delete_all(tenant).await {
        let error = &failed as &dyn std::error::Error;
        error!(tenant.id = %tenant, error, "files of a deleted tenant not removed");
    }
}

#[cfg(test)]
mod tests;
