//! The search index in a directory, by tantivy.
//!
//! [`TantivyIndex`] implements [`ports::search::SearchIndex`]. Each tenant has a directory below the root. In it are
//! generations: the newest finished one answers, and a rebuild makes the next one beside it. A generation is finished by
//! the commit that writes its first position, so that a process that is killed at any moment leaves either the old one
//! or the new one.
//!
//! A root has one writer, the process that has its lock; any other process only searches there and sees each commit of
//! the writer. When the writer ends, one of the others takes its place. Archives have different roots
//! ([`folder_of`]).
//!
//! Nothing of a message is stored but its words and properties, and the columns by which it is sorted and filtered: its
//! id, channel and root. Documents are sorted by id, the newest first, so that a page of the newest or oldest matches
//! reads only as much as it returns.
//!
//! **Memory**: one batch is written at a time in the whole process, with 50 MB for its documents; each build has another
//! 50 MB. At most [`MAX_WRITERS`] writers stay open, each with one thread that merges; a merge has up to about two million
//! documents, and needs up to about 150 MB. Everything else is mapped from files, which the system can drop.

mod build;
mod compile;
mod error;
mod find;
mod generation;
mod lock;
mod payload;
mod schema;
mod segment;
mod snapshot;
mod span;
mod start;
mod tenant;
mod walk;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use ports::search::{
    CandidateQuery, Candidates, IndexBatch, IndexBuild, IndexPosition, IndexState, IndexedMessage, SearchError,
    SearchIndex,
};
use ports::snapshot::{IndexSnapshots, SnapshotBytes};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::build::Build;
use crate::error::io_error;
use crate::lock::{Access, DirectoryLock};
use crate::snapshot::{Arriving, stream};
use crate::tenant::Tenant;

/// The number of writers that stay open. Each has three threads.
pub const MAX_WRITERS: usize = 4;

/// The number of searches that run at the same time; others wait.
const SEARCHES: usize = 16;

/// The search indexes below a directory. A clone is the same directory.
#[derive(Clone)]
pub struct TantivyIndex(Arc<Shared>);

struct Shared {
    root: PathBuf,
    lock: Arc<DirectoryLock>,
    tenants: Mutex<HashMap<TenantId, Arc<Tenant>>>,
    /// Held while a batch is written: one at a time.
    writing: AsyncMutex<()>,
    searches: Arc<Semaphore>,
}

/// Returns the folder below `root` for the archive at `location`, a text that names it, without a password.
#[must_use]
pub fn folder_of(root: &Path, location: &str) -> PathBuf {
    root.join(Uuid::new_v5(&Uuid::NAMESPACE_URL, location.as_bytes()).simple().to_string())
}

impl Shared {
    fn tenants(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock if no process has it; returns whether this one has.
    fn acquire(&self) -> Result<bool, SearchError> {
        let access = self.lock.acquire()?;
        if access == (Access::Writer { is_new: true }) {
            for tenant in self.tenants().values() {
                tenant.reopen();
            }
        }
        Ok(access != Access::Reader)
    }

    /// Returns the index of a tenant.
    fn tenant(&self, id: TenantId) -> Arc<Tenant> {
        let tenant = || Arc::new(Tenant::new(self.root.join(id.0.to_string()), Arc::clone(&self.lock)));
        self.tenants().entry(id).or_insert_with(tenant).clone()
    }

    /// Returns the index of a tenant, if this process may change it.
    fn changed(&self, id: TenantId) -> Result<Arc<Tenant>, SearchError> {
        if self.acquire()? { Ok(self.tenant(id)) } else { Err(SearchError::Locked) }
    }

    /// Closes writers of other tenants than `id` until at most [`MAX_WRITERS`] are open.
    fn rest_others(&self, id: TenantId) {
        let tenants = self.tenants();
        let open = tenants.iter().filter(|(other, tenant)| **other != id && tenant.is_writing());
        let open: Vec<Arc<Tenant>> = open.map(|(_, tenant)| tenant.clone()).collect();
        drop(tenants);
        for tenant in open.iter().skip(MAX_WRITERS - 1) {
            tenant.rest();
        }
    }
}

impl TantivyIndex {
    /// Returns the indexes below `root`. The first call that changes something creates the directory and its lock.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self(Arc::new(Shared {
            lock: Arc::new(DirectoryLock::new(&root)),
            root,
            tenants: Mutex::default(),
            writing: AsyncMutex::default(),
            searches: Arc::new(Semaphore::new(SEARCHES)),
        }))
    }

    /// Runs `work` with the index of a tenant on a thread that may block.
    async fn on<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce(&Tenant) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let shared = self.0.clone();
        blocking(move || work(&shared.tenant(tenant))).await
    }

    /// Runs `work`, which changes the index of a tenant, on a thread that may block.
    async fn change<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce(&Arc<Tenant>) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let shared = self.0.clone();
        blocking(move || work(&shared.changed(tenant)?)).await
    }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, SearchError> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(SearchError::Backend(error.into())))
}

#[async_trait]
impl SearchIndex for TantivyIndex {
    async fn acquire(&self) -> Result<bool, SearchError> {
        let shared = self.0.clone();
        blocking(move || shared.acquire()).await
    }

    async fn state(&self, tenant: TenantId) -> Result<IndexState, SearchError> {
        self.on(tenant, Tenant::state).await
    }

    async fn verify(&self, tenant: TenantId) -> Result<bool, SearchError> {
        self.on(tenant, Tenant::verify).await
    }

    async fn apply(&self, tenant: TenantId, batch: IndexBatch, to: IndexPosition) -> Result<(), SearchError> {
        let _one = self.0.writing.lock().await;
        let shared = self.0.clone();
        blocking(move || {
            let index = shared.changed(tenant)?;
            shared.rest_others(tenant);
            index.apply(&batch, &to)
        })
        .await
    }

    async fn find(&self, tenant: TenantId, query: CandidateQuery) -> Result<Candidates, SearchError> {
        let permit = Arc::clone(&self.0.searches).acquire_owned().await;
        let permit = permit.map_err(|error| SearchError::Backend(error.into()))?;
        self.on(tenant, move |tenant| {
            let found = tenant.find(&query);
            // The caller may have stopped waiting.
            drop(permit);
            found
        })
        .await
    }

    async fn has_root(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        root: Option<ChannelId>,
    ) -> Result<bool, SearchError> {
        self.on(tenant, move |tenant| tenant.has_root(channel, root)).await
    }

    async fn rebuild(&self, tenant: TenantId) -> Result<Box<dyn IndexBuild>, SearchError> {
        let build = self.change(tenant, Tenant::build).await?;
        Ok(Box::new(Builder(Some(build))))
    }

    async fn purge(&self, tenant: TenantId) -> Result<(), SearchError> {
        let shared = self.0.clone();
        blocking(move || {
            let index = shared.changed(tenant)?;
            shared.rest_others(tenant);
            index.purge()
        })
        .await
    }

    async fn remove(&self, tenant: TenantId) -> Result<(), SearchError> {
        let _one = self.0.writing.lock().await;
        self.change(tenant, |tenant| tenant.remove()).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, SearchError> {
        let shared = self.0.clone();
        blocking(move || {
            let entries = match fs::read_dir(&shared.root) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries.map_err(io_error)?,
            };
            let mut tenants = Vec::new();
            for entry in entries {
                let name = entry.map_err(io_error)?.file_name();
                let id = name.to_str().and_then(|name| Uuid::try_parse(name).ok());
                tenants.extend(id.map(TenantId));
            }
            Ok(tenants)
        })
        .await
    }
}

#[async_trait]
impl IndexSnapshots for TantivyIndex {
    async fn save(&self, tenant: TenantId) -> Result<SnapshotBytes, SearchError> {
        self.on(tenant, Tenant::parts).await.map(stream)
    }

    async fn restore(&self, tenant: TenantId, bytes: SnapshotBytes) -> Result<IndexPosition, SearchError> {
        let (mut arriving, passing) = Arriving::new(bytes);
        let restored = self.change(tenant, move |tenant| tenant.restore(&mut arriving));
        let (restored, ()) = tokio::join!(restored, passing);
        restored
    }
}

/// A build on threads that may block.
struct Builder(Option<Build>);

impl Builder {
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Build) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let mut build = self.0.take().ok_or_else(|| SearchError::Backend("the build failed before".into()))?;
        let (build, done) = blocking(move || {
            let done = work(&mut build);
            Ok((build, done))
        })
        .await?;
        self.0 = Some(build);
        done
    }
}

#[async_trait]
impl IndexBuild for Builder {
    async fn add(&mut self, documents: Vec<IndexedMessage>) -> Result<(), SearchError> {
        self.run(move |build| build.add(&documents)).await
    }

    async fn finish(mut self: Box<Self>, position: IndexPosition) -> Result<(), SearchError> {
        self.run(move |build| build.finish(&position)).await
    }
}

#[cfg(test)]
mod tests;
