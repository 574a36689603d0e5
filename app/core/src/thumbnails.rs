//! Thumbnails of stored pictures: each is made for its first reader, and stored beside the picture.

use std::collections::HashMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::media::{ContentHash, MOST_BYTES, ThumbnailWidth};
use domain::tenant::TenantId;
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, TryFutureExt};
use ports::media::MediaStore;
use ports::thumbnail::Thumbnailer;
use tokio::sync::Semaphore;

/// A thumbnail of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    hash: ContentHash,
    width: ThumbnailWidth,
}

/// The thumbnail that several readers wait for.
type Making = Shared<BoxFuture<'static, Result<Option<Bytes>, Arc<io::Error>>>>;

/// Finds thumbnails, and makes those that are missing. A clone makes the same ones.
#[derive(Clone)]
pub struct Thumbnails(Arc<Inner>);

struct Inner {
    media: Arc<dyn MediaStore>,
    thumbnailer: Arc<dyn Thumbnailer>,
    making: Mutex<HashMap<Key, Making>>,
    /// One picture at a time is in memory: it has up to [`MOST_BYTES`], and needs more while it is decoded.
    turn: Semaphore,
}

impl Thumbnails {
    /// Returns the thumbnails of files in `media`.
    #[must_use]
    pub fn new(media: Arc<dyn MediaStore>, thumbnailer: Arc<dyn Thumbnailer>) -> Self {
        Self(Arc::new(Inner { media, thumbnailer, making: Mutex::default(), turn: Semaphore::new(1) }))
    }

    /// Returns the thumbnail of a stored file, a JPEG or a WebP; `None` if it has none, which is remembered, or is not
    /// stored. The work goes on for the next reader if this one does not wait for its end.
    ///
    /// # Errors
    /// [`io::Error`] if the media store failed.
    pub async fn find(&self, tenant: TenantId, hash: ContentHash, width: ThumbnailWidth) -> io::Result<Option<Bytes>> {
        let key = Key { tenant, hash, width };
        if let Some(stored) = self.0.stored(key).await? {
            return Ok(shown(stored));
        }
        let making = self.0.making().entry(key).or_insert_with(|| self.begin(key)).clone();
        making.await.map_err(|error| io::Error::new(error.kind(), error))
    }

    /// Begins to make a thumbnail.
    fn begin(&self, key: Key) -> Making {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            // The next reader tries again, also after a panic.
            let made = AssertUnwindSafe(inner.make(key)).catch_unwind().await;
            inner.making().remove(&key);
            made.unwrap_or_else(|_| Err(io::Error::other("making a thumbnail panicked")))
        });
        let made = task.map(|ended| ended.unwrap_or_else(|stopped| Err(io::Error::other(stopped))));
        made.map_err(Arc::new).boxed().shared()
    }
}

impl Inner {
    fn making(&self) -> MutexGuard<'_, HashMap<Key, Making>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stored(&self, Key { tenant, hash, width }: Key) -> io::Result<Option<Bytes>> {
        self.media.open_thumbnail(tenant, hash, width).await
    }

    async fn make(&self, key: Key) -> io::Result<Option<Bytes>> {
        let Key { tenant, hash, width } = key;
        let _turn = self.turn.acquire().await.map_err(io::Error::other)?;
        // Another task can have ended since it was missing.
        if let Some(stored) = self.stored(key).await? {
            return Ok(shown(stored));
        }
        let Some(kept) = self.media.open(tenant, hash, 0, MOST_BYTES).await? else { return Ok(None) };
        let made = if kept.size_bytes > MOST_BYTES {
            None
        } else {
            self.thumbnailer.thumbnail(kept.whole().await?, width).await
        };
        self.media.put_thumbnail(tenant, hash, width, made.clone().unwrap_or_default()).await?;
        // The file can have been deleted meanwhile, before the thumbnail was there to be deleted with it.
        if self.media.open(tenant, hash, 0, 0).await?.is_none() {
            self.media.delete_one(tenant, hash).await?;
            return Ok(None);
        }
        Ok(made)
    }
}

/// Returns a thumbnail that is stored; no bytes stand for a file that has none.
fn shown(stored: Bytes) -> Option<Bytes> {
    (!stored.is_empty()).then_some(stored)
}

#[cfg(test)]
mod tests;
