//! The archive as a whole: a table of one row.

use async_trait::async_trait;
use domain::pseudonym::KeyCheck;
use ports::archive::ArchiveRepository;
use ports::error::StoreError;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait ArchiveStatements: Session {
    /// Finds the check value.
    const FIND: &'static str;
    /// Stores the check value if there is none, and locks the row.
    const RECORD: &'static str;
}

/// The check value of the archive's key, if it is stored.
struct Stored(Option<KeyCheck>);

impl FromRow for Stored {
    const TABLE: &'static str = "archive";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.parse_optional("key_check").map(Self)
    }
}

#[async_trait]
impl<U: ArchiveStatements> ArchiveRepository for SqlUnit<U> {
    #[instrument(name = "db.archive.key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn key_check(&mut self) -> Result<Option<KeyCheck>, StoreError> {
        let found: Option<Stored> = self.0.select_one(U::FIND, Vec::new()).await?;
        Ok(found.and_then(|Stored(check)| check))
    }

    #[instrument(name = "db.archive.record_key_check", level = "debug", skip_all, err(level = "trace"))]
    async fn record_key_check(&mut self, check: KeyCheck) -> Result<KeyCheck, StoreError> {
        self.0.execute(U::RECORD, parameters! { "key_check" => check.to_string() }).await?;
        let no_check =
            || StoreError::Corrupt { table: Stored::TABLE, column: "key_check", source: ValueError::Null.into() };
        self.key_check().await?.ok_or_else(no_check)
    }
}
