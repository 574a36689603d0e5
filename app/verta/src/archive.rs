//! The archive that an address names: its scheme selects the adapter, here and nowhere else.

use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter_sqlite::SqliteStore;
use adapter_tidb::url::{DatabaseUrl, DatabaseUrlError};
use adapter_tidb::{OpenOptions, TidbStore};
use async_trait::async_trait;
use ports::store::Store;

use crate::cli::MigrationReport;
use crate::config::{ConfigError, StoreUrl};

type Failure = Box<dyn Error>;

/// Returns the archive at `url`, which the setting `variable` has.
///
/// # Errors
/// [`ConfigError`] if the address is not valid.
pub(crate) fn archive(url: &StoreUrl, variable: &'static str) -> Result<Box<dyn Archive>, ConfigError> {
    match url {
        StoreUrl::Sqlite(path) => Ok(file(path.clone())),
        StoreUrl::Server(url) => {
            let url = url.as_str().parse();
            let url = url.map_err(|error: DatabaseUrlError| ConfigError { variable, reason: error.to_string() })?;
            Ok(Box::new(Server(url)))
        }
    }
}

/// Returns the archive in one file.
pub(crate) fn file(path: PathBuf) -> Box<dyn Archive> {
    Box::new(File(path))
}

/// An archive that is not open.
#[async_trait(?Send)]
pub(crate) trait Archive {
    /// Returns the file that it is, whether or not it exists; `None` for a database on a server.
    fn path(&self) -> Option<&Path>;

    /// Returns a text that addresses of one archive share, as far as they show it.
    fn identity(&self) -> String;

    /// Returns where it is, as a text without a password: the same after the archive was replaced by a backup.
    fn location(&self) -> String;

    /// Returns its migrations; changes nothing. A server that does not respond is retried if `is_patient`.
    async fn migrations(&self, is_patient: bool) -> Result<Vec<MigrationReport>, Failure>;

    /// Opens it with `pool_size` readers or connections, and applies missing migrations.
    async fn open(&self, pool_size: usize) -> Result<Opened, Failure>;
}

/// An open archive.
pub(crate) struct Opened {
    store: Arc<dyn Store>,
    /// The same store, if it has connections to close.
    server: Option<Arc<TidbStore>>,
}

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Closes its connections, unless a part of the program still has the store.
    pub(crate) async fn close(self) {
        drop(self.store);
        if let Some(store) = self.server.and_then(Arc::into_inner) {
            store.close().await;
        }
    }
}

struct File(PathBuf);

#[async_trait(?Send)]
impl Archive for File {
    fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn identity(&self) -> String {
        match fs::metadata(&self.0) {
            Ok(file) => format!("file {}/{}", file.dev(), file.ino()),
            Err(_) => format!("path {}", self.0.display()),
        }
    }

    fn location(&self) -> String {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        format!("path {}", folder.join(self.0.file_name().unwrap_or_default()).display())
    }

    async fn migrations(&self, _: bool) -> Result<Vec<MigrationReport>, Failure> {
        let steps = SqliteStore::migrations(&self.0)?.into_iter();
        let report =
            steps.map(|step| MigrationReport { version: step.version, name: step.name, applied_at: step.applied_at });
        Ok(report.collect())
    }

    async fn open(&self, pool_size: usize) -> Result<Opened, Failure> {
        Ok(Opened { store: Arc::new(SqliteStore::open(&self.0, pool_size)?), server: None })
    }
}

struct Server(DatabaseUrl);

#[async_trait(?Send)]
impl Archive for Server {
    fn path(&self) -> Option<&Path> {
        None
    }

    fn identity(&self) -> String {
        let DatabaseUrl { host, port, database, .. } = &self.0;
        format!("server {host}:{port}/{database}")
    }

    fn location(&self) -> String {
        self.identity()
    }

    async fn migrations(&self, is_patient: bool) -> Result<Vec<MigrationReport>, Failure> {
        let mut options = OpenOptions::default();
        if !is_patient {
            options.patience = Duration::ZERO;
        }
        let steps = TidbStore::migrations(&self.0, options).await?.into_iter();
        let report =
            steps.map(|step| MigrationReport { version: step.version, name: step.name, applied_at: step.applied_at });
        Ok(report.collect())
    }

    async fn open(&self, pool_size: usize) -> Result<Opened, Failure> {
        let options = OpenOptions { pool_size, ..OpenOptions::default() };
        let store = Arc::new(TidbStore::open(&self.0, options).await?);
        Ok(Opened { store: Arc::<TidbStore>::clone(&store), server: Some(store) })
    }
}
