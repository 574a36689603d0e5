//! What every store owes its port: each case runs on each store.

mod change;
mod channel;
mod coverage;
mod fixture;
mod job;
mod message;
mod page;
mod race;
mod tenant;
mod thread;
mod unit;

/// Makes a test of each case for each store; a case that is not listed is dead code.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = adapter_sqlite::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                    super::$case(&store).await;
                }
            )+
        }
    };
}
use contract;
