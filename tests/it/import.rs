//! The import, run as a user runs it.

pub(crate) mod fixture;
mod merge;
mod names;
mod readers;
mod report;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use crate::program::{Installation, examples};

/// The exports among the examples: every `.json` file outside the folders of copies.
fn exports() -> Vec<PathBuf> {
    fn below(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let exports = entries.flat_map(|path| {
            if path.is_dir() {
                let of_copies = path.to_str().unwrap().ends_with("_Files");
                if of_copies { Vec::new() } else { below(&path) }
            } else {
                Vec::from_iter(path.extension().is_some_and(|ending| ending == "json").then(|| path.clone()))
            }
        });
        exports.collect()
    }
    let exports = below(&examples());
    assert_eq!(exports.len(), 8, "{exports:?}");
    exports
}

/// Returns every row of the tables that have no time of writing.
fn dump(database: &Path) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let mut rows = Vec::new();
    for table in ["channels", "messages", "attachments", "reactions", "coverage", "coverage_segments"] {
        let mut statement = database.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let width = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let cells: Vec<_> = (0..width).map(|index| format!("{:?}", row.get_ref(index).unwrap())).collect();
            rows.push(format!("{table}: {}", cells.join(", ")));
        }
    }
    rows
}

#[test]
fn importing_twice_changes_nothing() {
    let installation = Installation::new();
    let (code, first) = installation.import(&[&examples()], &[]);
    assert_eq!(code, 0, "{first}");
    let before = dump(&installation.database());
    let (code, second) = installation.import(&[&examples()], &[]);
    assert_eq!(code, 0, "{second}");
    for (file, again) in first["files"].as_array().unwrap().iter().zip(second["files"].as_array().unwrap()) {
        assert_eq!((&file["status"], &again["status"]), (&"ok".into(), &"unchanged".into()), "{again}");
        assert_eq!((&file["added"], &again["unchanged"]), (&file["read"], &file["read"]));
    }
    assert_eq!(dump(&installation.database()), before);
}

#[test]
fn every_message_of_the_files_is_stored() {
    let installation = Installation::new();
    let (_, report) = installation.import(&[&examples()], &[]);
    let read: u64 = report["files"].as_array().unwrap().iter().map(|file| file["read"].as_u64().unwrap()).sum();
    let written: usize = exports()
        .iter()
        .map(|path| {
            serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()["messages"].as_array().unwrap().len()
        })
        .sum();
    assert_eq!(usize::try_from(read).unwrap(), written);
    let rows = dump(&installation.database()).iter().filter(|row| row.starts_with("messages: ")).count();
    assert_eq!(rows, written);
}

#[test]
fn no_byte_of_the_data_names_a_person() {
    let mut names = BTreeSet::new();
    for path in exports() {
        collect(&serde_json::from_slice(&fs::read(path).unwrap()).unwrap(), &mut names);
    }
    assert!(names.len() > 20, "{names:?}");
    let installation = Installation::new();
    let server = installation.serve(&["--import", examples().to_str().unwrap()]);
    let held = bytes(&installation.path("data"));
    assert!(held.len() > 100_000);
    let held = String::from_utf8_lossy(&held);
    for name in names {
        assert!(!held.contains(&name), "{name}");
    }
    drop(server);
}

/// The bytes of a file, or of all files below a folder.
fn bytes(path: &Path) -> Vec<u8> {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().flat_map(|entry| bytes(&entry.unwrap().path())).collect();
    }
    fs::read(path).unwrap()
}

/// Collects the ids, usernames and nicknames in every person's object.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(fields) => {
            if fields.contains_key("discriminator") {
                let texts = ["id", "name", "nickname"].into_iter().filter_map(|key| fields.get(key)?.as_str());
                names.extend(texts.map(str::to_owned));
            }
            fields.values().for_each(|value| collect(value, names));
        }
        _ => {}
    }
}

#[test]
fn a_killed_import_run_again_ends_as_a_clean_one() {
    let clean = Installation::new();
    clean.import(&[&examples()], &[]);
    let killed = Installation::new();
    for _ in 0..5 {
        let mut child = killed.command(&["import", examples().to_str().unwrap()]).spawn().unwrap();
        // The first line reports that a file was begun; the kill happens at some point after it.
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stderr.take().unwrap()), &mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (code, report) = killed.import(&[&examples()], &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(dump(&killed.database()), dump(&clean.database()));
}

#[test]
fn a_truncated_file_keeps_what_was_read_and_says_where_it_broke() {
    let installation = Installation::new();
    let whole = fs::read(exports().pop().unwrap()).unwrap();
    let path = installation.path("cut.json");
    fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let (code, report) = installation.import(&[&path], &[]);
    let file = &report["files"][0];
    assert_eq!((code, &file["status"]), (1, &"partial".into()), "{file}");
    assert!(file["read"].as_u64().unwrap() > 0 && file["last_message_id"].is_string() && file["byte"].is_u64());
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let installation = Installation::new();
    let (code, report) = installation.import(&[&examples()], &["--dry-run"]);
    assert_eq!((code, report["files"].as_array().unwrap().len()), (0, 8));
    assert!(!installation.path("data").exists());
}

#[test]
fn a_community_that_is_stored_is_not_imported_under_another_slug() {
    let installation = Installation::new();
    installation.import(&[&examples()], &[]);
    let output = installation.run(&["import", "--tenant", "other", examples().to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("stored as thimble-firmware") && said.contains("other"), "{said}");
}

#[test]
fn parts_of_exports_in_different_folders_are_not_joined() {
    let part = |folder: &Path, name: &str, ids: [u64; 2]| {
        let message = |id: u64| {
            serde_json::json!({"id": id.to_string(), "type": "Default", "content": "a",
            "timestamp": "2026-01-01T00:00:00Z", "author": {"id": "7", "name": "n"}})
        };
        let export = serde_json::json!({"guild": {"id": "5", "name": "Parts"},
            "channel": {"id": "6", "type": "GuildTextChat", "name": "c"}, "exportedAt": "2026-02-01T00:00:00Z",
            "dateRange": {"after": null, "before": null},
            "messages": ids.map(message)});
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), export.to_string()).unwrap();
    };
    let coverage = |second: &str| -> Value {
        let installation = Installation::new();
        part(&installation.path("exports/one"), "c.json", [100, 200]);
        part(&installation.path("exports").join(second), "c [part 2].json", [300, 400]);
        let (code, report) = installation.import(&[&installation.path("exports")], &[]);
        assert_eq!(code, 0, "{report}");
        let output = installation.run(&["coverage", "parts", "--json"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["items"][0].clone()
    };
    let joined = coverage("one");
    assert_eq!((&joined["low"], &joined["high"], &joined["state"]), (&"100".into(), &"400".into(), &"complete".into()));
    let apart = coverage("two");
    assert_eq!((&apart["low"], &apart["high"], &apart["state"]), (&"300".into(), &"400".into(), &"partial".into()));
}
