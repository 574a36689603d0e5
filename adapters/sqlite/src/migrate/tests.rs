use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use rusqlite::Connection;
use tempfile::TempDir;

use super::{MIGRATIONS, Migration, apply, newest, status};
use crate::SqliteStore;
use crate::error::OpenError;

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verta.db");
    (folder, path)
}

/// Every table and index with its text, and the migrations that are recorded as applied.
fn schema(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let read = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut lines = read("SELECT name || ': ' || COALESCE(sql, '') FROM sqlite_master ORDER BY name");
    lines.extend(read("SELECT version || ' ' || name || ' ' || checksum FROM migrations ORDER BY version"));
    lines
}

fn clean() -> Vec<String> {
    let (_folder, path) = file();
    SqliteStore::open(&path, 1).unwrap();
    schema(&path)
}

fn applied(path: &Path) -> Vec<bool> {
    SqliteStore::migrations(path).unwrap().iter().map(|step| step.applied_at.is_some()).collect()
}

#[test]
fn versions_ascend_without_a_gap_and_begin_the_names() {
    for (expected, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.version, expected);
        assert!(migration.name.starts_with(&format!("{expected:04}_")), "{}", migration.name);
    }
}

#[test]
fn asking_for_the_status_makes_no_file() {
    let (folder, path) = file();
    assert_eq!(applied(&path), vec![false; MIGRATIONS.len()]);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn opening_applies_every_migration_once() {
    let (_folder, path) = file();
    SqliteStore::open(&path, 1).unwrap();
    let first = SqliteStore::migrations(&path).unwrap();
    assert!(first.iter().all(|step| step.applied_at.is_some()), "{first:?}");
    SqliteStore::open(&path, 1).unwrap();
    assert_eq!(SqliteStore::migrations(&path).unwrap(), first);
    let last = MIGRATIONS.last().unwrap().version;
    assert_eq!(newest(&Connection::open(&path).unwrap()).unwrap(), last);
}

#[test]
fn an_edited_migration_is_refused_by_name_and_nothing_is_changed() {
    let (_folder, path) = file();
    SqliteStore::open(&path, 1).unwrap();
    let before = schema(&path);
    let mut edited = MIGRATIONS.to_vec();
    edited[2].sql = "CREATE TABLE another (number INTEGER)";
    let mut connection = Connection::open(&path).unwrap();
    let refused = apply(&mut connection, &edited, &path).unwrap_err();
    assert!(matches!(&refused, OpenError::Edited { name } if name == MIGRATIONS[2].name), "{refused:?}");
    assert!(refused.to_string().contains("0003_messages"), "{refused}");
    let refused = status(&connection, &edited, &path).unwrap_err();
    assert!(matches!(refused, OpenError::Edited { .. }), "{refused:?}");
    assert_eq!(schema(&path), before);
}

#[test]
fn a_migration_of_a_newer_program_is_refused_by_name_and_nothing_is_changed() {
    let (_folder, path) = file();
    SqliteStore::open(&path, 1).unwrap();
    let before = schema(&path);
    // The next release of the program had one more.
    let ours = &MIGRATIONS[..MIGRATIONS.len() - 1];
    let newest = MIGRATIONS.last().unwrap();
    let mut connection = Connection::open(&path).unwrap();
    let refused = apply(&mut connection, ours, &path).unwrap_err();
    assert!(matches!(&refused, OpenError::Unknown { name } if name == newest.name), "{refused:?}");
    assert!(refused.to_string().contains(newest.name), "{refused}");
    assert_eq!(schema(&path), before);
}

#[test]
fn what_was_killed_between_two_migrations_goes_on_with_the_rest() {
    for done in 0..=MIGRATIONS.len() {
        let (_folder, path) = file();
        apply(&mut Connection::open(&path).unwrap(), &MIGRATIONS[..done], &path).unwrap();
        let expected: Vec<bool> = (0..MIGRATIONS.len()).map(|index| index < done).collect();
        assert_eq!(applied(&path), expected);
        SqliteStore::open(&path, 1).unwrap();
        assert_eq!(schema(&path), clean(), "after {done} of them");
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_of_itself_and_all_before_it() {
    let (_folder, path) = file();
    let broken = Migration {
        version: MIGRATIONS[1].version,
        name: MIGRATIONS[1].name,
        sql: "CREATE TABLE half (number INTEGER); CREATE TABLE tenants (number INTEGER);",
    };
    let mut connection = Connection::open(&path).unwrap();
    let refused = apply(&mut connection, &[MIGRATIONS[0], broken], &path).unwrap_err();
    assert!(matches!(refused, OpenError::Sqlite(_)), "{refused:?}");
    assert!(schema(&path).iter().all(|line| !line.starts_with("half:")));
    drop(connection);
    SqliteStore::open(&path, 1).unwrap();
    assert_eq!(schema(&path), clean());
}

#[test]
fn many_who_open_a_fresh_file_at_once_all_succeed() {
    const OPENERS: usize = 8;
    for _ in 0..5 {
        let (_folder, path) = file();
        let start = Barrier::new(OPENERS);
        thread::scope(|threads| {
            let opened: Vec<_> = (0..OPENERS)
                .map(|_| {
                    threads.spawn(|| {
                        start.wait();
                        SqliteStore::open(&path, 1).map(drop)
                    })
                })
                .collect();
            for one in opened {
                one.join().unwrap().unwrap();
            }
        });
        assert_eq!(schema(&path), clean());
    }
}

#[test]
fn a_file_that_is_something_else_is_named() {
    let (_folder, path) = file();
    std::fs::write(&path, "a diary, and not a database\n".repeat(500)).unwrap();
    for refused in [SqliteStore::open(&path, 1).map(drop), SqliteStore::migrations(&path).map(drop)] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, OpenError::NotADatabase { path: named } if *named == path), "{refused:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let (_folder, path) = file();
    std::fs::write(&path, "").unwrap();
    let below = path.join("deeper").join("verta.db");
    let refused = SqliteStore::open(&below, 1).map(drop).unwrap_err();
    assert!(matches!(&refused, OpenError::Folder { path, .. } if *path == below), "{refused:?}");
}
