//! Copies the files of messages from one media store to another.
//!
//! A file is named after the hash of its bytes, so each copy proves itself: bytes of another hash are not stored. A
//! file that the target has with the same size is not read, so an interrupted copy is simply run again. Files that only
//! the target has stay. Snapshots of search indexes are not copied: the source of truth is the archive, and nodes make
//! others.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use domain::media::ContentHash;
use domain::tenant::TenantId;
use futures::{StreamExt, TryStreamExt, stream};
use ports::media::{FetchError, FileBytes, KeptFile, MediaError, MediaStore};
use ports::upkeep::{ListedFile, MediaUpkeep};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// The number of files in one list.
const PAGE: u32 = 1000;
/// The number of files that are copied at the same time.
const COPIES: usize = 8;
/// The reason for a file that was not copied because it is damaged.
const DAMAGED: &str = "its bytes are not those that its name stands for";
/// The reason for a file that could not be read.
const UNREADABLE: &str = "it cannot be read";

/// The reason why a copy ended early. What is copied stays, and the next copy resumes it.
#[derive(Debug, thiserror::Error)]
pub enum MediaCopyError {
    /// The files of the source cannot be listed.
    #[error("the media store to copy from")]
    From(#[source] io::Error),
    /// The target failed.
    #[error("the media store to copy to")]
    To(#[source] io::Error),
}

/// A media store, as a copy needs it.
#[derive(Clone)]
pub struct MediaSide {
    /// Its files.
    pub files: Arc<dyn MediaStore>,
    /// The list of them.
    pub upkeep: Arc<dyn MediaUpkeep>,
}

/// Receives the progress of a copy.
pub trait MediaCopyListener: Send + Sync {
    /// This many files in total are in the target, or could not be copied.
    fn done(&self, files: u64);
}

/// A file that was not copied.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FailedFile {
    /// The id of its tenant.
    pub tenant_id: TenantId,
    /// The name of the file.
    pub hash: String,
    /// The reason.
    pub error: &'static str,
}

/// The result of a copy.
#[derive(Debug, Default, Serialize)]
pub struct MediaCopyReport {
    /// The number of files that were copied.
    pub copied: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The number of files that the target had.
    pub unchanged: u64,
    /// The files that were not copied.
    pub failed: Vec<FailedFile>,
    /// The time that it took.
    pub seconds: f64,
}

/// Copies files.
pub struct MediaCopier {
    from: MediaSide,
    to: MediaSide,
}

/// What became of one file.
enum Copied {
    /// It is in the target.
    Whole,
    /// It was removed from the source meanwhile.
    Gone,
    Failed(&'static str),
}

impl MediaCopier {
    /// Copies from `from` to `to`.
    #[must_use]
    pub fn new(from: MediaSide, to: MediaSide) -> Self {
        Self { from, to }
    }

    /// Copies all files that the target lacks. A file that cannot be read or is damaged is reported and does not stop
    /// the others.
    ///
    /// # Errors
    /// [`MediaCopyError`] if a list cannot be read, or the target fails.
    pub async fn run(&self, listener: &dyn MediaCopyListener) -> Result<MediaCopyReport, MediaCopyError> {
        let (began, mut report) = (Instant::now(), MediaCopyReport::default());
        for tenant in self.from.upkeep.tenants().await.map_err(MediaCopyError::From)? {
            self.copy_tenant(tenant, &mut report, listener).await?;
        }
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }

    async fn copy_tenant(
        &self,
        tenant: TenantId,
        report: &mut MediaCopyReport,
        listener: &dyn MediaCopyListener,
    ) -> Result<(), MediaCopyError> {
        let mut after = None;
        loop {
            let files = self.from.upkeep.list(tenant, after, PAGE).await.map_err(MediaCopyError::From)?;
            let Some(last) = files.last().map(|file| file.hash) else { return Ok(()) };
            let there = self.in_target(tenant, after, last).await.map_err(MediaCopyError::To)?;
            after = Some(last);
            let lacking = files.iter().filter(|file| there.get(&file.hash) != Some(&file.size_bytes));
            let lacking: Vec<ListedFile> = lacking.copied().collect();
            report.unchanged += (files.len() - lacking.len()) as u64;
            let copies = lacking.into_iter().map(async |file| (file, self.copy_file(tenant, file).await));
            let mut copies = stream::iter(copies).buffer_unordered(COPIES);
            while let Some((file, copied)) = copies.next().await {
                match copied.map_err(MediaCopyError::To)? {
                    Copied::Whole => {
                        report.copied += 1;
                        report.bytes += file.size_bytes;
                    }
                    Copied::Gone => {}
                    Copied::Failed(error) => {
                        let hash = file.hash.to_string();
                        report.failed.push(FailedFile { tenant_id: tenant, hash, error });
                    }
                }
                listener.done(report.copied + report.unchanged + report.failed.len() as u64);
            }
            listener.done(report.copied + report.unchanged + report.failed.len() as u64);
        }
    }

    /// Returns the sizes of the files of the target after `after` and up to `last`, and possibly of further ones.
    async fn in_target(
        &self,
        tenant: TenantId,
        mut after: Option<ContentHash>,
        last: ContentHash,
    ) -> io::Result<HashMap<ContentHash, u64>> {
        let mut there = HashMap::new();
        while after < Some(last) {
            let files = self.to.upkeep.list(tenant, after, PAGE).await?;
            let Some(end) = files.last() else { break };
            after = Some(end.hash);
            there.extend(files.iter().map(|file| (file.hash, file.size_bytes)));
        }
        Ok(there)
    }

    async fn copy_file(&self, tenant: TenantId, file: ListedFile) -> io::Result<Copied> {
        let kept = match self.from.files.open(tenant, file.hash, 0, u64::MAX).await {
            Ok(Some(kept)) => kept,
            Ok(None) => return Ok(Copied::Gone),
            Err(_) => return Ok(Copied::Failed(UNREADABLE)),
        };
        match self.to.files.put(tenant, verified(kept, file.hash)).await {
            Ok(_) => Ok(Copied::Whole),
            Err(MediaError::Fetch(FetchError::Failed(reason))) => Ok(Copied::Failed(reason)),
            Err(MediaError::Fetch(_)) => Ok(Copied::Failed(UNREADABLE)),
            Err(MediaError::Io(error)) => Err(error),
        }
    }
}

/// Returns the same bytes, and an error at their end if they have another hash.
fn verified(file: KeptFile, hash: ContentHash) -> FileBytes {
    let next = move |(mut file, mut sum): (KeptFile, Sha256)| async move {
        match file.bytes.try_next().await {
            Ok(Some(piece)) => {
                sum.update(&piece);
                Ok(Some((piece, (file, sum))))
            }
            Ok(None) if ContentHash::new(sum.finalize().into()) == hash => Ok(None),
            Ok(None) => Err(FetchError::Failed(DAMAGED)),
            Err(_) => Err(FetchError::Failed(UNREADABLE)),
        }
    };
    stream::try_unfold((file, Sha256::new()), next).boxed()
}
