//! A media store in a folder: each file under the hash of its bytes, in two levels of folders, separate for each
//! tenant.
//!
//! The thumbnails of a file are beside it.
//!
//! [`MediaFolder`] implements [`ports::media::MediaStore`], and [`ports::snapshot::SnapshotStore`] and
//! [`ports::upkeep::MediaUpkeep`] in the same folder. A file appears complete or not at all, on disk before the row
//! that names it. Its calls block, so they run on threads of their own, apart from those of the database.

mod folder;
mod pool;
mod upkeep;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use domain::media::{ContentHash, ThumbnailWidth};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use ports::media::{FileBytes, KeptFile, MediaError, MediaStore};
use ports::snapshot::{Snapshot, SnapshotBytes, SnapshotStore};
use sha2::{Digest, Sha256};
use tracing::{Instrument, debug_span, field};
use uuid::Uuid;

use crate::folder::{INCOMING, Incoming};
use crate::pool::Pool;

/// The number of bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// The file in the folder of a tenant that has the snapshot of its search index.
const SNAPSHOT: &str = "index.snapshot";

/// The infix in the name of a retired folder, between the tenant of its files and a random id.
const RETIRED: &str = ".retired-";

/// A folder of files, readable by its owner alone. A file appears complete: it is written under a temporary name in the
/// tenant's `incoming`, locked, and then moved to its place. A clone is the same folder.
#[derive(Debug, Clone)]
pub struct MediaFolder {
    root: PathBuf,
    pool: Pool,
}

impl MediaFolder {
    /// Returns a store under `root`, which is created with the first file.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, pool: Pool::new() }
    }

    fn tenant(&self, tenant: TenantId) -> PathBuf {
        self.root.join(tenant.to_string())
    }

    fn path(&self, tenant: TenantId, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.tenant(tenant).join(&name[..2]).join(&name[2..4]).join(name)
    }
}

impl MediaFolder {
    /// Returns the path of a thumbnail: beside its file, under a name that is no hash.
    fn thumbnail(&self, tenant: TenantId, hash: ContentHash, width: ThumbnailWidth) -> PathBuf {
        self.path(tenant, hash).with_file_name(format!("{hash}-{}", width.pixels()))
    }

    /// Returns the bytes of a file, which are read as they are taken.
    fn pieces(&self, file: io::Take<File>) -> BoxStream<'static, io::Result<Bytes>> {
        let bytes = stream::try_unfold((file, self.pool.clone()), |(file, pool)| async move {
            let (piece, file) = pool.run(move || piece(file)).await?;
            Ok((!piece.is_empty()).then_some((piece, (file, pool))))
        });
        bytes.boxed()
    }

    fn snapshot(&self, tenant: TenantId) -> PathBuf {
        self.tenant(tenant).join(SNAPSHOT)
    }
}

#[async_trait]
impl MediaStore for MediaFolder {
    async fn put(&self, tenant: TenantId, mut bytes: FileBytes) -> Result<(ContentHash, u64), MediaError> {
        let incoming = self.tenant(tenant).join(INCOMING);
        let mut made = self.pool.run(move || Incoming::new(&incoming)).await?;
        let (mut hash, mut size) = (Sha256::new(), 0);
        while let Some(piece) = bytes.try_next().await? {
            size += piece.len() as u64;
            (made, hash) = self
                .pool
                .run(move || {
                    hash.update(&piece);
                    made.file.write_all(&piece)?;
                    Ok((made, hash))
                })
                .await?;
        }
        let hash = ContentHash::new(hash.finalize().into());
        let path = self.path(tenant, hash);
        // The row that records the file as stored must not be more durable than the file.
        self.pool.run(move || made.place(&path)).await?;
        Ok((hash, size))
    }

    async fn open(&self, tenant: TenantId, hash: ContentHash, first: u64, most: u64) -> io::Result<Option<KeptFile>> {
        let path = self.path(tenant, hash);
        let span = debug_span!("media.open", outcome = field::Empty);
        let opened = self
            .pool
            .run(move || {
                let mut file = match File::open(path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(error),
                };
                let size_bytes = file.metadata()?.len();
                file.seek(SeekFrom::Start(first))?;
                Ok(Some((file.take(most), size_bytes)))
            })
            .instrument(span.clone())
            .await;
        span.record(
            "outcome",
            match &opened {
                Ok(Some(_)) => "ok",
                Ok(None) => "absent",
                Err(_) => "error",
            },
        );
        let opened = opened?;
        let Some((file, size_bytes)) = opened else { return Ok(None) };
        Ok(Some(KeptFile { size_bytes, bytes: self.pieces(file) }))
    }

    async fn put_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
        bytes: Bytes,
    ) -> io::Result<()> {
        let (incoming, path) = (self.tenant(tenant).join(INCOMING), self.thumbnail(tenant, hash, width));
        let put = move || {
            let mut made = Incoming::new(&incoming)?;
            made.file.write_all(&bytes)?;
            made.place(&path)
        };
        self.pool.run(put).await
    }

    async fn open_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
    ) -> io::Result<Option<Bytes>> {
        let path = self.thumbnail(tenant, hash, width);
        let read = move || match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        self.pool.run(read).await
    }

    async fn delete_one(&self, tenant: TenantId, hash: ContentHash) -> io::Result<()> {
        let path = self.path(tenant, hash);
        let thumbnails = ThumbnailWidth::ALL.map(|width| self.thumbnail(tenant, hash, width));
        // The file is the last one, so that an interrupted call is repeated.
        self.pool.run(move || thumbnails.iter().chain([&path]).try_for_each(|path| delete_file(path))).await
    }

    async fn delete_all(&self, tenant: TenantId) -> io::Result<()> {
        self.retire(tenant).await?;
        self.delete_retired(tenant).await
    }

    async fn retire(&self, tenant: TenantId) -> io::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "a name that no other process may choose")]
        let retired = self.root.join(format!("{tenant}{RETIRED}{}", Uuid::new_v4()));
        let path = self.tenant(tenant);
        self.pool
            .run(move || match fs::rename(path, retired) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            })
            .await
    }

    async fn delete_retired(&self, tenant: TenantId) -> io::Result<()> {
        let (root, retired) = (self.root.clone(), format!("{tenant}{RETIRED}"));
        self.pool.run(move || delete_named(&root, &retired)).await
    }
}

#[async_trait]
impl SnapshotStore for MediaFolder {
    async fn replace(&self, tenant: TenantId, mut bytes: SnapshotBytes) -> io::Result<u64> {
        let incoming = self.tenant(tenant).join(INCOMING);
        let mut made = self.pool.run(move || Incoming::new(&incoming)).await?;
        let mut size = 0;
        while let Some(piece) = bytes.try_next().await? {
            size += piece.len() as u64;
            let write = move || {
                made.file.write_all(&piece)?;
                Ok(made)
            };
            made = self.pool.run(write).await?;
        }
        let path = self.snapshot(tenant);
        self.pool.run(move || made.place(&path)).await?;
        Ok(size)
    }

    async fn find(&self, tenant: TenantId) -> io::Result<Option<Snapshot>> {
        let path = self.snapshot(tenant);
        let open = move || match File::open(path) {
            Ok(file) => Ok(Some((stored_at(&file.metadata()?)?, file.take(u64::MAX)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let Some((stored_at, file)) = self.pool.run(open).await? else { return Ok(None) };
        Ok(Some(Snapshot { stored_at, bytes: self.pieces(file) }))
    }

    async fn delete(&self, tenant: TenantId) -> io::Result<()> {
        let path = self.snapshot(tenant);
        self.pool.run(move || delete_file(&path)).await
    }

    async fn delete_before(&self, time: Timestamp) -> io::Result<u64> {
        let root = self.root.clone();
        self.pool.run(move || delete_snapshots(&root, time)).await
    }
}

/// Removes a file. A missing one is not an error.
fn delete_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns the time at which a file was stored.
fn stored_at(file: &fs::Metadata) -> io::Result<Timestamp> {
    let since = file.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).ok().and_then(Timestamp::from_millis).unwrap_or(Timestamp::MAX))
}

/// Removes the snapshots in the folders below `root` that were stored before `time`; returns their number.
fn delete_snapshots(root: &Path, time: Timestamp) -> io::Result<u64> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut deleted = 0;
    for entry in entries {
        let path = entry?.path().join(SNAPSHOT);
        let found = match fs::metadata(&path) {
            // Or the entry is a file.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            found => found?,
        };
        if stored_at(&found)? < time {
            delete_file(&path)?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Removes the folders in `root` whose names begin with `start`.
fn delete_named(root: &Path, start: &str) -> io::Result<()> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(start)) {
            match fs::remove_dir_all(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Returns the next bytes of a file; none at its end.
fn piece(mut file: io::Take<File>) -> io::Result<(Bytes, io::Take<File>)> {
    let mut piece = Vec::with_capacity(usize::try_from(file.limit()).map_or(PIECE, |left| left.min(PIECE)));
    file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
    Ok((piece.into(), file))
}

#[cfg(test)]
mod tests;
