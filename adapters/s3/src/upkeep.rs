//! Lists and checks.

use std::io;

use async_trait::async_trait;
use domain::media::ContentHash;
use domain::tenant::TenantId;
use futures::{StreamExt, TryStreamExt, future};
use object_store::{ObjectStore, ObjectStoreExt};
use ports::upkeep::{ListedFile, MediaUpkeep};
use uuid::Uuid;

use crate::error::io_error;
use crate::{S3Media, file};

/// The bytes that a probe stores.
const PROBE: &[u8] = b"verta";

#[async_trait]
impl MediaUpkeep for S3Media {
    async fn tenants(&self) -> io::Result<Vec<TenantId>> {
        let found = self.store().list_with_delimiter(Some(&self.0.prefix)).await.map_err(|error| io_error(&error))?;
        let tenants = found.common_prefixes.iter().filter_map(|path| path.filename()?.parse().ok());
        let mut tenants: Vec<TenantId> = tenants.map(TenantId).collect();
        // As texts, ids have the order of their bits.
        tenants.sort_unstable_by_key(|tenant| tenant.0);
        Ok(tenants)
    }

    async fn list(&self, tenant: TenantId, after: Option<ContentHash>, limit: u32) -> io::Result<Vec<ListedFile>> {
        let Some(generation) = self.current(tenant).await? else { return Ok(Vec::new()) };
        let at = generation.path(&self.tenant(tenant));
        let objects = match after {
            Some(hash) => self.store().list_with_offset(Some(&at), &file(at.clone(), hash)),
            None => self.store().list(Some(&at)),
        };
        let files = objects.try_filter_map(|object| {
            let hash = object.location.filename().and_then(|name| name.parse().ok());
            future::ready(Ok(hash.map(|hash| ListedFile { hash, size_bytes: object.size })))
        });
        files.take(limit as usize).try_collect().await.map_err(|error| io_error(&error))
    }

    async fn probe(&self) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "a name that no other process may choose")]
        let key = self.0.prefix.clone().join(format!("probe-{}", Uuid::new_v4()));
        self.store().put(&key, PROBE.into()).await.map_err(|error| io_error(&error))?;
        let read = async {
            self.store().list(Some(&self.0.prefix)).try_next().await?;
            self.store().get(&key).await?.bytes().await
        };
        let read = read.await.map_err(|error| io_error(&error));
        self.delete_object(&key).await?;
        if read? == PROBE { Ok(()) } else { Err(io::Error::other("the bucket returned other bytes than were stored")) }
    }

    async fn tidy(&self) -> io::Result<u64> {
        let mut removed = 0;
        for tenant in self.tenants().await? {
            removed += self.remove_retired(tenant).await?;
        }
        Ok(removed)
    }
}
