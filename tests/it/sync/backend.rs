//! The store of a case.

use std::fs;
use std::sync::{Arc, mpsc};

use adapter_sqlite::SqliteStore;
use adapter_tidb::TidbStore;
use async_trait::async_trait;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tempfile::TempDir;

use super::with::{Company, With};
use crate::server::Database;

/// Makes a test of each case for each store; an unlisted case is dead code.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(start_paused = true)]
                async fn $case() {
                    super::$case($crate::sync::backend::Backend::Sqlite).await;
                }
            )+
        }

        mod tidb {
            $(
                #[tokio::test(start_paused = true)]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    super::$case($crate::sync::backend::Backend::Tidb).await;
                }
            )+
        }
    };
}
pub(super) use cases;

/// The kind of store.
#[derive(Debug, Clone, Copy)]
pub(super) enum Backend {
    /// A file in a folder of its own.
    Sqlite,
    /// A database of its own on a server.
    Tidb,
}

/// A new archive in such a store.
pub(super) struct Archive {
    pub(super) store: Arc<dyn Store>,
    kept: Kept,
}

enum Kept {
    Folder(TempDir),
    Database(Database),
}

impl Archive {
    pub(super) async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let store = SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                Self { store: Arc::new(store), kept: Kept::Folder(folder) }
            }
            Backend::Tidb => {
                let _still = Still::new();
                let database = Database::new().await;
                let store = Timeless(database.store().await);
                Self { store: Arc::new(store), kept: Kept::Database(database) }
            }
        }
    }

    /// Returns its address, for the program.
    pub(super) fn address(&self) -> String {
        match &self.kept {
            Kept::Folder(folder) => format!("sqlite:{}", folder.path().join("verta.db").display()),
            Kept::Database(database) => database.address(),
        }
    }

    /// Returns the bytes of every file of an archive that consists of files.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        let Kept::Folder(folder) = &self.kept else { panic!("a server's files are its own") };
        let files = fs::read_dir(folder.path()).unwrap();
        files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// Stops a test's paused clock: the runtime does not advance it while a blocking task runs.
struct Still(#[expect(dead_code, reason = "what waits for it ends with it")] mpsc::Sender<()>);

impl Still {
    fn new() -> Self {
        let (held, released) = mpsc::channel();
        tokio::task::spawn_blocking(move || released.recv().is_ok());
        Self(held)
    }
}

impl Company for Still {}

/// A server needs real time, during which a test's paused clock would jump to the next limit; so the clock is stopped.
struct Timeless(TidbStore);

#[async_trait]
impl Store for Timeless {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        let still = Still::new();
        Ok(Box::new(With(self.0.read().await?, still)))
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        let still = Still::new();
        Ok(Box::new(With(self.0.begin().await?, still)))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let _still = Still::new();
        self.0.status().await
    }
}
