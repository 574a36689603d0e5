use std::error::Error as _;

use ports::error::StoreError;
use rusqlite::{Connection, OpenFlags};

use super::store_error;

/// Returns the text of a failure in the log and on the command line.
fn advice(error: rusqlite::Error) -> String {
    let error = store_error(error);
    assert!(matches!(error, StoreError::Backend(_)), "{error}");
    error.source().unwrap().to_string()
}

#[test]
fn a_full_disk_and_a_read_only_database_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verta.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE texts (text TEXT); PRAGMA max_page_count = 2").unwrap();
    let full = database.execute("INSERT INTO texts VALUES (hex(zeroblob(100000)))", []).unwrap_err();
    assert!(advice(full).starts_with("the disk of the database is full: "));
    let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let read_only = reader.execute("INSERT INTO texts VALUES ('a')", []).unwrap_err();
    assert!(advice(read_only).starts_with("the database is read-only: "));
}
