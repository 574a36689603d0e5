//! Exports created for one case.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::Installation;

/// A message in the form of an export.
pub(crate) fn message(id: u64, content: &str) -> Value {
    json!({"id": id.to_string(), "type": "Default", "timestamp": "2026-01-01T00:00:00+00:00", "timestampEdited": null,
        "isPinned": false, "content": content, "attachments": [], "embeds": [], "reactions": [], "mentions": [],
        "author": {"id": "7", "name": "n", "discriminator": "0000", "nickname": "n", "isBot": false, "roles": []}})
}

/// An export of channel 6 of guild 5, created on this day of March 2026.
pub(crate) fn export(day: u32, messages: &[Value]) -> Value {
    json!({"guild": {"id": "5", "name": "Merged", "iconUrl": ""},
        "channel": {"id": "6", "type": "GuildTextChat", "categoryId": "4", "category": "Talk", "name": "general",
            "topic": null},
        "dateRange": {"after": null, "before": null}, "exportedAt": format!("2026-03-{day:02}T12:00:00+01:00"),
        "messages": messages, "messageCount": messages.len()})
}

/// An export of a channel of this id, type and name, in a parent.
pub(crate) fn of_channel(id: u64, kind: &str, name: &str, parent: Option<(u64, &str)>) -> Value {
    let mut export = export(1, &[message(id + 1, "one")]);
    export["channel"] = json!({"id": id.to_string(), "type": kind, "name": name, "topic": null,
        "categoryId": parent.map(|(id, _)| id.to_string()), "category": parent.map(|(_, name)| name)});
    export
}

pub(crate) fn write(installation: &Installation, name: &str, export: &Value) -> PathBuf {
    let path = installation.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, serde_json::to_vec_pretty(export).unwrap()).unwrap();
    path
}

/// The result of a query, one row per line, with cells separated by bars.
pub(crate) fn query(database: &Path, sql: &str) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let width = statement.column_count();
    let cell = |value: rusqlite::types::Value| match value {
        rusqlite::types::Value::Null => "-".to_owned(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    let rows = statement.query_map([], |row| {
        let cells: Result<Vec<String>, _> = (0..width).map(|index| row.get(index).map(cell)).collect();
        Ok(cells?.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The messages of channel 6: id, text, and whether they are deleted.
pub(crate) fn held(installation: &Installation) -> Vec<String> {
    let sql = "SELECT message_id, content, deleted_at IS NOT NULL FROM messages ORDER BY message_id";
    query(&installation.database(), sql)
}

/// Imports files one after the other, each by itself, as complete exports.
pub(crate) fn import_each(installation: &Installation, files: &[&PathBuf]) -> Vec<Value> {
    let import = |file: &&PathBuf| {
        let (code, report) = installation.import(&[file], &["--complete"]);
        assert_eq!(code, 0, "{report}");
        report["files"][0].clone()
    };
    files.iter().map(import).collect()
}
