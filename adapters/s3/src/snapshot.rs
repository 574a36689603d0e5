//! The snapshots of search indexes, which are retired with the files of their tenant.

use std::io;

use async_trait::async_trait;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use ports::snapshot::{Snapshot, SnapshotBytes, SnapshotStore};
use ports::upkeep::MediaUpkeep;

use crate::S3Media;
use crate::error::{io_error, is_missing};
use crate::media::pieces;
use crate::spool::Spool;

/// The name of a snapshot in its generation.
const SNAPSHOT: &str = "index.snapshot";

impl S3Media {
    async fn snapshot(&self, tenant: TenantId) -> io::Result<Option<Path>> {
        let current = self.current(tenant).await?;
        Ok(current.map(|generation| generation.path(&self.tenant(tenant)).join(SNAPSHOT)))
    }
}

/// Returns the time at which an object was stored, which S3 has in seconds.
fn stored_at(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_millis(object.last_modified.timestamp_millis()).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl SnapshotStore for S3Media {
    async fn replace(&self, tenant: TenantId, mut bytes: SnapshotBytes) -> io::Result<u64> {
        let mut spool = Spool::new().await?;
        while let Some(piece) = bytes.try_next().await? {
            spool = spool.append(piece).await?;
        }
        let (_, size) = spool.sum();
        self.place(tenant, spool, false, |generation| generation.join(SNAPSHOT)).await?;
        Ok(size)
    }

    async fn find(&self, tenant: TenantId) -> io::Result<Option<Snapshot>> {
        let Some(key) = self.snapshot(tenant).await? else { return Ok(None) };
        match self.store().get(&key).await {
            Ok(found) => Ok(Some(Snapshot { stored_at: stored_at(&found.meta), bytes: pieces(found) })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(io_error(&error)),
        }
    }

    async fn delete(&self, tenant: TenantId) -> io::Result<()> {
        match self.snapshot(tenant).await? {
            Some(key) => self.delete_object(&key).await,
            None => Ok(()),
        }
    }

    async fn delete_before(&self, time: Timestamp) -> io::Result<u64> {
        let mut deleted = 0;
        for tenant in self.tenants().await? {
            let Some(key) = self.snapshot(tenant).await? else { continue };
            match self.store().head(&key).await {
                Ok(found) if stored_at(&found) < time => {
                    self.delete_object(&key).await?;
                    deleted += 1;
                }
                Err(error) if !is_missing(&error) => return Err(io_error(&error)),
                _ => {}
            }
        }
        Ok(deleted)
    }
}
