//! A media store in a bucket of S3, or of a store that speaks its protocol, which many processes share.
//!
//! [`S3Media`] implements [`ports::media::MediaStore`], [`ports::snapshot::SnapshotStore`] and
//! [`ports::upkeep::MediaUpkeep`]. An object is named `PREFIX/TENANT/GENERATION/HASH`, and a thumbnail of
//! it `HASH-400` or `HASH-800`; the generation is what makes the files of a tenant disappear at once (`generation.rs`).
//! Requests that fail for a moment are repeated, and a download that breaks off is resumed where it ended.
//!
//! Nothing outside of the prefix is read or changed.

mod address;
mod connector;
mod error;
mod generation;
mod media;
mod snapshot;
mod spool;
mod upkeep;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::media::{ContentHash, ThumbnailWidth};
use domain::tenant::TenantId;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStoreExt, RetryConfig};

pub use self::address::{BucketKeys, BucketUrl, BucketUrlError};
use self::connector::Connector;
use self::error::io_error;
use self::generation::{Generation, Generations};
use self::spool::Spool;

/// The number of times that a request is repeated.
const RETRIES: usize = 5;
/// The time after which a request is not repeated.
const RETRY_FOR: Duration = Duration::from_secs(30);
/// The first pause before a request is repeated, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(4));

/// The files of tenants in a bucket. A clone shares the connections.
#[derive(Debug, Clone)]
pub struct S3Media(Arc<Bucket>);

#[derive(Debug)]
struct Bucket {
    store: AmazonS3,
    prefix: Path,
    generations: Generations,
}

impl S3Media {
    /// Returns the store at `url`. Makes no request.
    #[must_use]
    pub fn new(url: &BucketUrl, keys: &BucketKeys) -> Self {
        let backoff = BackoffConfig { init_backoff: PAUSES.0, max_backoff: PAUSES.1, base: 2.0 };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_FOR };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&url.bucket)
            .with_region(&url.region)
            .with_access_key_id(&keys.access_key_id)
            .with_secret_access_key(&keys.secret_access_key)
            .with_http_connector(Connector)
            .with_retry(retry);
        builder = match &url.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://")),
            // A certificate of AWS is not valid for a name with more dots.
            None => builder.with_virtual_hosted_style_request(!url.bucket.contains('.')),
        };
        if let Some(token) = &keys.session_token {
            builder = builder.with_token(token);
        }
        let store = builder.build().expect("the bucket, its region and the keys are set");
        Self(Arc::new(Bucket { store, prefix: Path::from(&*url.prefix), generations: Generations::new() }))
    }

    fn store(&self) -> &AmazonS3 {
        &self.0.store
    }

    /// Returns the prefix of all that is stored of a tenant.
    fn tenant(&self, tenant: TenantId) -> Path {
        self.0.prefix.clone().join(tenant.to_string())
    }

    /// Returns the current generation of a tenant; `None` if it has no files.
    async fn current(&self, tenant: TenantId) -> io::Result<Option<Generation>> {
        self.0.generations.read(self.store(), tenant, &self.tenant(tenant)).await
    }

    /// Stores an object in the current generation, under the name that `name` returns for its prefix; not if there is
    /// one of this name already and it `stays`.
    async fn place(&self, tenant: TenantId, spool: Spool, stays: bool, name: impl Fn(Path) -> Path) -> io::Result<()> {
        let at = self.tenant(tenant);
        let generation = self.0.generations.begin(self.store(), tenant, &at).await?;
        let key = name(generation.path(&at));
        let (_, size) = spool.sum();
        let is_there = stays && self.store().head(&key).await.is_ok_and(|found| found.size == size);
        if !is_there {
            spool.upload(self.store(), &key).await?;
        }
        if self.current(tenant).await? == Some(generation) {
            return Ok(());
        }
        self.delete_object(&key).await?;
        Err(io::Error::other("all files of the community were removed meanwhile"))
    }

    /// Removes an object. A missing one is not an error.
    async fn delete_object(&self, key: &Path) -> io::Result<()> {
        match self.store().delete(key).await {
            Err(error) if !error::is_missing(&error) => Err(io_error(&error)),
            _ => Ok(()),
        }
    }
}

/// Returns the name of a file in a generation.
fn file(generation: Path, hash: ContentHash) -> Path {
    generation.join(hash.to_string())
}

/// Returns the name of a thumbnail of a file in a generation.
fn thumbnail(generation: Path, hash: ContentHash, width: ThumbnailWidth) -> Path {
    generation.join(format!("{hash}-{}", width.pixels()))
}
