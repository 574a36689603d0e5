//! The archive as a whole: a table of one row.

use adapter_sql::archive::ArchiveStatements;

use crate::unit::Unit;

impl ArchiveStatements for Unit {
    const FIND: &'static str = r"
        SELECT key_check
        FROM archive
        WHERE archive_id = 1
    ";

    const RECORD: &'static str = r"
        UPDATE archive
        SET key_check = :key_check
        WHERE archive_id = 1
            AND key_check IS NULL
    ";
}
