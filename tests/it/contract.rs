//! The guarantees that every store owes its port: each case runs on each store.
//!
//! All cases share one database and run concurrently, so a case creates its own tenant and reads nothing else.

mod archive;
mod change;
mod channel;
mod copy;
mod corrupt;
mod coverage;
mod day;
pub(crate) mod fixture;
mod gateway;
mod guild;
mod handles;
mod job;
mod lease;
pub(crate) mod media;
mod message;
mod model;
mod page;
mod picture;
mod race;
mod removal;
mod sync;
mod tenant;
mod thread;
mod unit;
mod unreadable;
mod unused;
mod version;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use adapter_sqlite::SqliteStore;
use tempfile::TempDir;

/// Makes a test of each case for each store; an unlisted case is dead code. The cases after `two handles` get the same
/// database twice, opened as by two processes.
macro_rules! contract {
    ($($case:ident),* $(,)? $(; two handles: $($pair:ident),+ $(,)?)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let database = $crate::contract::Sqlite::shared();
                    super::$case(&database.one).await;
                }
            )*
            $($(
                #[tokio::test]
                async fn $pair() {
                    let database = $crate::contract::Sqlite::shared();
                    super::$pair(&database.one, &database.other).await;
                }
            )+)?
        }

        mod tidb {
            $(
                #[tokio::test]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    let database = $crate::server::Database::shared().await;
                    super::$case(&database.store().await).await;
                }
            )*
            $($(
                #[tokio::test]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $pair() {
                    let database = $crate::server::Database::shared().await;
                    super::$pair(&database.store().await, &database.store().await).await;
                }
            )+)?
        }
    };
}
use contract;

/// One file, opened twice, shared by all cases that are running; the last of them removes it.
struct Sqlite {
    one: SqliteStore,
    other: SqliteStore,
    _folder: TempDir,
}

/// More than the number of concurrent cases: a case that waits for the writer while it holds a snapshot must not keep
/// the writer from getting a snapshot.
const READERS: usize = 32;

impl Sqlite {
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Sqlite>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let folder = tempfile::tempdir().unwrap();
            let open = || SqliteStore::open(&folder.path().join("verta.db"), READERS).unwrap();
            let (one, other) = (open(), open());
            let opened = Arc::new(Self { one, other, _folder: folder });
            *shared = Arc::downgrade(&opened);
            opened
        })
    }
}
