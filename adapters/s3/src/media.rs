//! The files of tenants.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use domain::media::{ContentHash, ThumbnailWidth};
use domain::tenant::TenantId;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, future, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use ports::media::{FileBytes, KeptFile, MediaError, MediaStore};
use tracing::{Instrument, debug_span, field};

use crate::error::{io_error, is_beyond, is_missing};
use crate::generation::Generation;
use crate::spool::Spool;
use crate::{S3Media, file, thumbnail};

/// The number of objects that are listed and then removed at once, as many as S3 takes.
const STEP: usize = 1000;

#[async_trait]
impl MediaStore for S3Media {
    async fn put(&self, tenant: TenantId, mut bytes: FileBytes) -> Result<(ContentHash, u64), MediaError> {
        let mut spool = Spool::new().await?;
        while let Some(piece) = bytes.try_next().await? {
            spool = spool.append(piece).await?;
        }
        let (hash, size) = spool.sum();
        self.place(tenant, spool, true, |generation| file(generation, hash)).await?;
        Ok((hash, size))
    }

    async fn open(&self, tenant: TenantId, hash: ContentHash, first: u64, most: u64) -> io::Result<Option<KeptFile>> {
        let span = debug_span!("media.open", outcome = field::Empty);
        let name = |generation| file(generation, hash);
        let opened = self.open_current(tenant, name, first, most).instrument(span.clone()).await;
        let outcome = match &opened {
            Ok(Some(_)) => "ok",
            Ok(None) => "absent",
            Err(_) => "error",
        };
        span.record("outcome", outcome);
        opened
    }

    async fn put_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
        bytes: Bytes,
    ) -> io::Result<()> {
        let spool = Spool::new().await?.append(bytes).await?;
        self.place(tenant, spool, false, |generation| thumbnail(generation, hash, width)).await
    }

    async fn open_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
    ) -> io::Result<Option<Bytes>> {
        let name = |generation| thumbnail(generation, hash, width);
        match self.open_current(tenant, name, 0, u64::MAX).await? {
            Some(thumbnail) => thumbnail.whole().await.map(Some),
            None => Ok(None),
        }
    }

    async fn delete_one(&self, tenant: TenantId, hash: ContentHash) -> io::Result<()> {
        let Some(generation) = self.current(tenant).await? else { return Ok(()) };
        let at = generation.path(&self.tenant(tenant));
        for width in ThumbnailWidth::ALL {
            self.delete_object(&thumbnail(at.clone(), hash, width)).await?;
        }
        // The last one, so that an interrupted call is repeated.
        self.delete_object(&file(at, hash)).await
    }

    async fn delete_all(&self, tenant: TenantId) -> io::Result<()> {
        self.retire(tenant).await?;
        self.delete_retired(tenant).await
    }

    async fn retire(&self, tenant: TenantId) -> io::Result<()> {
        self.0.generations.retire(self.store(), tenant, &self.tenant(tenant)).await
    }

    async fn delete_retired(&self, tenant: TenantId) -> io::Result<()> {
        self.remove_retired(tenant).await.map(|_| ())
    }
}

impl S3Media {
    /// Opens the object of the current generation that `name` names for its prefix. The generation that was current the
    /// last time is tried while the current one is read, so that a file takes the time of one request.
    async fn open_current(
        &self,
        tenant: TenantId,
        name: impl Fn(Path) -> Path,
        first: u64,
        most: u64,
    ) -> io::Result<Option<KeptFile>> {
        let open = async |generation: Option<Generation>| match generation {
            Some(generation) => self.open_object(&name(generation.path(&self.tenant(tenant))), first, most).await,
            None => Ok(None),
        };
        let seen = self.0.generations.seen(tenant);
        let (current, opened) = future::try_join(self.current(tenant), open(seen)).await?;
        if current == seen { Ok(opened) } else { open(current).await }
    }

    async fn open_object(&self, key: &Path, first: u64, most: u64) -> io::Result<Option<KeptFile>> {
        if most == 0 {
            return self.open_empty(key).await;
        }
        let range = match first.checked_add(most) {
            Some(end) if end < u64::MAX => Some(GetRange::Bounded(first..end)),
            _ if first > 0 => Some(GetRange::Offset(first)),
            _ => None,
        };
        match self.store().get_opts(key, GetOptions { range, ..GetOptions::default() }).await {
            Ok(found) => Ok(Some(KeptFile { size_bytes: found.meta.size, bytes: pieces(found) })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) if is_beyond(&error) => self.open_empty(key).await,
            Err(error) => Err(io_error(&error)),
        }
    }

    /// Opens an object without reading a byte of it.
    async fn open_empty(&self, key: &Path) -> io::Result<Option<KeptFile>> {
        match self.store().head(key).await {
            Ok(found) => Ok(Some(KeptFile { size_bytes: found.size, bytes: stream::empty().boxed() })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(io_error(&error)),
        }
    }

    /// Removes the retired generations of a tenant, in steps that another call resumes; returns the number of objects.
    pub(crate) async fn remove_retired(&self, tenant: TenantId) -> io::Result<u64> {
        let at = self.tenant(tenant);
        let found = self.store().list_with_delimiter(Some(&at)).await.map_err(|error| io_error(&error))?;
        // Read after the list: a generation in the list that is not current now never is again.
        let current = self.current(tenant).await?.map(|current| current.path(&at));
        let mut removed = 0;
        for retired in found.common_prefixes.into_iter().filter(|path| Some(path) != current.as_ref()) {
            let objects = self.store().list(Some(&retired)).map_ok(|object| object.location);
            let mut steps = objects.try_chunks(STEP).map_err(|error| io_error(&error.1)).boxed();
            while let Some(step) = steps.try_next().await? {
                removed += step.len() as u64;
                let mut deleted = self.store().delete_stream(stream::iter(step.into_iter().map(Ok)).boxed());
                while deleted.try_next().await.map_err(|error| io_error(&error))?.is_some() {}
            }
        }
        Ok(removed)
    }
}

/// Returns the bytes of an object, which are read as they are taken.
pub(crate) fn pieces(found: object_store::GetResult) -> BoxStream<'static, io::Result<Bytes>> {
    found.into_stream().map_err(|error| io_error(&error)).boxed()
}
