//! The archive as a whole: a table of one row.

use adapter_sql::archive::no_key_check;
use adapter_sql::columns::Columns;
use async_trait::async_trait;
use domain::pseudonym::KeyCheck;
use ports::archive::ArchiveRepository;
use ports::error::StoreError;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::error::store_error;
use crate::row::{execute, query_one};
use crate::unit::Unit;

const FIND: &str = r"
    SELECT key_check
    FROM archive
    WHERE archive_id = 1
";

const RECORD: &str = r"
    UPDATE archive
    SET key_check = :key_check
    WHERE archive_id = 1
        AND key_check IS NULL
";

fn find(connection: &Connection) -> Result<Option<KeyCheck>, StoreError> {
    let found = query_one(connection, "archive", FIND, &[], |row| row.parse_optional("key_check"))?;
    Ok(found.flatten())
}

#[async_trait]
impl ArchiveRepository for Unit {
    #[instrument(name = "db.archive.key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn key_check(&mut self) -> Result<Option<KeyCheck>, StoreError> {
        self.run(find).await
    }

    #[instrument(name = "db.archive.record_key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn record_key_check(&mut self, check: KeyCheck) -> Result<KeyCheck, StoreError> {
        self.run(move |connection| {
            execute(connection, RECORD, named_params! {":key_check": check.to_string()}).map_err(store_error)?;
            find(connection)?.ok_or_else(no_key_check)
        })
        .await
    }
}
