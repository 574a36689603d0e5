//! Bytes on their way to the bucket: an object is named after their hash, which is known after the last of them.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use bytes::Bytes;
use domain::media::ContentHash;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::error::io_error;

/// The number of bytes of one request, and with that the memory of one upload.
pub(crate) const PART: u64 = 16 << 20;

/// A temporary file without a name, which disappears with the process.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Spool {
    /// Creates an empty file.
    pub(crate) async fn new() -> io::Result<Self> {
        blocking(|| Ok(Self { file: tempfile::tempfile()?, hash: Sha256::new(), size: 0 })).await
    }

    /// Appends bytes.
    pub(crate) async fn append(mut self, piece: Bytes) -> io::Result<Self> {
        blocking(move || {
            self.hash.update(&piece);
            self.size += piece.len() as u64;
            self.file.write_all(&piece)?;
            Ok(self)
        })
        .await
    }

    /// Returns the hash and the number of all bytes.
    pub(crate) fn sum(&self) -> (ContentHash, u64) {
        (ContentHash::new(self.hash.clone().finalize().into()), self.size)
    }

    /// Stores all bytes under `key`, in one request or in parts. A larger object appears with its last part, or not at
    /// all.
    pub(crate) async fn upload(mut self, store: &dyn ObjectStore, key: &Path) -> io::Result<()> {
        self.file.rewind()?;
        let failed = |error| io_error(&error);
        if self.size <= PART {
            let (_, bytes) = self.next().await?;
            store.put(key, bytes.into()).await.map_err(failed)?;
            return Ok(());
        }
        let mut parts = Parts(Some(store.put_multipart(key).await.map_err(failed)?));
        loop {
            let (rest, bytes) = self.next().await?;
            if bytes.is_empty() {
                break;
            }
            self = rest;
            parts.upload().put_part(bytes.into()).await.map_err(failed)?;
        }
        parts.upload().complete().await.map_err(failed)?;
        parts.0 = None;
        Ok(())
    }

    /// Returns the next part; an empty one at the end.
    async fn next(self) -> io::Result<(Self, Bytes)> {
        blocking(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(self.size.min(PART)).unwrap_or_default());
            (&self.file).take(PART).read_to_end(&mut bytes)?;
            Ok((self, bytes.into()))
        })
        .await
    }
}

/// Runs a call that waits for the disk.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(call).await.map_err(io::Error::other)?
}

/// An upload in parts, which is aborted unless it is completed: its parts would be stored, and paid for, for ever.
struct Parts(Option<Box<dyn MultipartUpload>>);

impl Parts {
    fn upload(&mut self) -> &mut dyn MultipartUpload {
        &mut **self.0.as_mut().expect("it is taken at its end")
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Some(mut upload) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = upload.abort().await {
                warn!(error = &io_error(&error) as &dyn std::error::Error, "upload not aborted");
            }
        });
    }
}
