//! The content of a database, in a form that can be compared.

use mysql_async::Row;
use mysql_async::prelude::Queryable;

use serde_json::Value;

use crate::program::{Installation, examples};
use crate::server::{Database, connect};

/// The query of each table: all columns but the time when a row was first written, and the numbers of changes, which
/// also count attempts that were repeated.
const TABLES: [(&str, &str); 9] = [
    ("migrations", "SELECT version, name, checksum FROM migrations ORDER BY version"),
    (
        "tenants",
        "SELECT tenant_id, platform, platform_id, slug, name, status, logo_url, primary_color, secondary_color,
            accent_color, retention_deleted_days, retention_edited_days, deleting_since
        FROM tenants ORDER BY tenant_id",
    ),
    ("channels", "SELECT * FROM channels ORDER BY channel_id"),
    ("messages", "SELECT * FROM messages ORDER BY channel_id, message_id"),
    ("attachments", "SELECT * FROM attachments ORDER BY channel_id, message_id, attachment_id"),
    ("reactions", "SELECT * FROM reactions ORDER BY channel_id, message_id, emoji"),
    ("coverage", "SELECT * FROM coverage ORDER BY channel_id"),
    ("coverage_segments", "SELECT * FROM coverage_segments ORDER BY channel_id, low"),
    (
        "change_log",
        "SELECT DISTINCT tenant_id, channel_id, kind, low, high FROM change_log WHERE kind < 5 ORDER BY 1, 2, 3, 4, 5",
    ),
];

/// Returns the checksums of every channel at a `DATABASE_URL`, as reported by a copy of it into a file.
pub(super) fn checksums(address: &str) -> Value {
    let to = Installation::new();
    let target = format!("sqlite:{}", to.database().display());
    let output = to.run(&["copy", "--json", "--from", address, "--to", &target]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["channels"].as_array().unwrap().len() >= 8, "{report}");
    report["channels"].clone()
}

/// Returns those of an undisturbed import of the examples.
pub(super) fn undisturbed_checksums() -> Value {
    let clean = Installation::new();
    let (code, report) = clean.import(&[&examples()], &[]);
    assert_eq!(code, 0, "{report}");
    checksums(&format!("sqlite:{}", clean.database().display()))
}

/// The rows of every table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents(Vec<(&'static str, Vec<Vec<String>>)>);

impl Contents {
    pub(super) async fn of(database: &Database) -> Self {
        let mut connection = connect(database.url()).await;
        let mut contents = Vec::new();
        for (table, sql) in TABLES {
            let rows: Vec<Row> = connection.query(sql).await.unwrap();
            let values = |row: Row| row.unwrap().iter().map(|value| value.as_sql(false)).collect();
            contents.push((table, rows.into_iter().map(values).collect()));
        }
        connection.disconnect().await.unwrap();
        Self(contents)
    }

    /// Returns those of an undisturbed import of the examples.
    pub(super) async fn undisturbed() -> Self {
        let database = Database::new().await;
        let installation = Installation::at(&database.address());
        let imported = tokio::task::spawn_blocking(move || installation.import(&[&examples()], &[]));
        let (code, report) = imported.await.unwrap();
        assert_eq!(code, 0, "{report}");
        let contents = Self::of(&database).await;
        assert!(contents.0.iter().all(|(_, rows)| !rows.is_empty()), "the examples have a row for every table");
        contents
    }

    /// Asserts that both are the same, table by table and row by row.
    pub(super) fn assert_eq(&self, expected: &Self) {
        for ((table, found), (_, expected)) in self.0.iter().zip(&expected.0) {
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found, expected, "{table}");
            }
            assert_eq!(found.len(), expected.len(), "{table}");
        }
    }
}
