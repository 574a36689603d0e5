//! Files in a folder: each under the hash of its bytes, in two levels of folders, apart for each tenant.

use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use domain::media::ContentHash;
use domain::tenant::TenantId;
use futures::{StreamExt, TryStreamExt, stream};
use ports::media::{FileBytes, KeptFile, MediaError, MediaStore};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// What stands in the name of a folder between the tenant whose files it kept and a random id, once it is retired.
const RETIRED: &str = ".retired-";

/// A folder that keeps files. A file appears whole: it is written under a name of its own in the tenant's `incoming` and
/// then takes its place; what a process that was killed left there goes with the tenant.
#[derive(Debug, Clone)]
pub struct MediaFolder {
    root: PathBuf,
}

impl MediaFolder {
    /// Keeps files under `root`, which is made with the first of them.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn tenant(&self, tenant: TenantId) -> PathBuf {
        self.root.join(tenant.to_string())
    }

    fn path(&self, tenant: TenantId, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.tenant(tenant).join(&name[..2]).join(&name[2..4]).join(name)
    }
}

/// A file that has not taken its place. It goes where it never does, also where nobody waits for it any more.
struct Unplaced(PathBuf);

impl Drop for Unplaced {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// Writes what comes to `path`; tells its hash and size.
async fn write(path: &Path, mut bytes: FileBytes) -> Result<(ContentHash, u64), MediaError> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).await?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(piece) = bytes.try_next().await? {
        hash.update(&piece);
        size += piece.len() as u64;
        file.write_all(&piece).await?;
    }
    // A row that says that it is kept must not outlive it.
    file.sync_all().await?;
    Ok((ContentHash::new(hash.finalize().into()), size))
}

#[async_trait]
impl MediaStore for MediaFolder {
    async fn put(&self, tenant: TenantId, bytes: FileBytes) -> Result<(ContentHash, u64), MediaError> {
        let incoming = self.tenant(tenant).join("incoming");
        fs::create_dir_all(&incoming).await?;
        let made = Unplaced(incoming.join(Uuid::new_v4().to_string()));
        let (hash, size) = write(&made.0, bytes).await?;
        let path = self.path(tenant, hash);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).await?;
        fs::rename(&made.0, &path).await?;
        Ok((hash, size))
    }

    async fn open(&self, tenant: TenantId, hash: ContentHash, first: u64, most: u64) -> io::Result<Option<KeptFile>> {
        let mut file = match File::open(self.path(tenant, hash)).await {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size_bytes = file.metadata().await?.len();
        file.seek(SeekFrom::Start(first)).await?;
        let bytes = stream::try_unfold(file.take(most), |mut file| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(piece), file)))
        });
        Ok(Some(KeptFile { size_bytes, bytes: bytes.boxed() }))
    }

    async fn delete_all(&self, tenant: TenantId) -> io::Result<()> {
        self.retire(tenant).await?;
        self.delete_retired(tenant).await
    }

    async fn retire(&self, tenant: TenantId) -> io::Result<()> {
        let retired = self.root.join(format!("{tenant}{RETIRED}{}", Uuid::new_v4()));
        match fs::rename(self.tenant(tenant), retired).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn delete_retired(&self, tenant: TenantId) -> io::Result<()> {
        let mut entries = match fs::read_dir(&self.root).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let retired = format!("{tenant}{RETIRED}");
        while let Some(entry) = entries.next_entry().await? {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&retired)) {
                match fs::remove_dir_all(entry.path()).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
