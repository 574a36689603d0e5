//! The archive as a whole: a table of one row.

use adapter_sql::archive::no_key_check;
use adapter_sql::columns::Columns;
use async_trait::async_trait;
use domain::pseudonym::KeyCheck;
use mysql_async::params;
use ports::archive::ArchiveRepository;
use ports::error::StoreError;
use tracing::instrument;

use crate::row::of;
use crate::unit::Unit;

const FIND: &str = r"
    SELECT key_check
    FROM archive
    WHERE archive_id = 1
";

/// Locks the row, so that a second writer waits for the first and then changes nothing.
const RECORD: &str = r"
    UPDATE archive
    SET key_check = :key_check
    WHERE archive_id = 1
        AND key_check IS NULL
";

#[async_trait]
impl ArchiveRepository for Unit {
    #[instrument(name = "db.archive.key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn key_check(&mut self) -> Result<Option<KeyCheck>, StoreError> {
        let found = self.row(FIND, (), of("archive", |row| row.parse_optional("key_check"))).await?;
        Ok(found.flatten())
    }

    #[instrument(name = "db.archive.record_key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn record_key_check(&mut self, check: KeyCheck) -> Result<KeyCheck, StoreError> {
        self.run(RECORD, params! { "key_check" => check.to_string() }).await?;
        self.key_check().await?.ok_or_else(no_key_check)
    }
}
