//! Exports that lack messages which an archive has.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::import::fixture::{export, message, write};
use crate::program::Installation;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/real").join(name)
}

/// Imports files one after the other; returns the report of the last.
fn import(installation: &Installation, files: &[PathBuf], flags: &[&str]) -> Value {
    let mut last = Value::Null;
    for file in files {
        let (code, report) = installation.import(&[file], flags);
        assert_eq!(code, 0, "{report}");
        last = report["files"].as_array().unwrap().last().unwrap().clone();
    }
    last
}

fn coverage(installation: &Installation, tenant: &str) -> Value {
    let output = installation.run(&["coverage", tenant, "--json"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    listed["items"][0].clone()
}

fn said(installation: &Installation, arguments: &[&str]) -> (String, String) {
    let output = installation.run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn case_01_a_filtered_export_deletes_nothing_and_says_what_it_lacks() {
    let installation = Installation::new();
    let (full, filtered) = (case("01-filtered-export/1-full.json"), case("01-filtered-export/2-only-ada.json"));
    import(&installation, &[full], &[]);
    let before = coverage(&installation, "lantern-works");
    let report = import(&installation, std::slice::from_ref(&filtered), &[]);
    assert_eq!((&report["deleted"], &report["absent"]), (&json!(0), &json!(4)), "{report}");
    let after = coverage(&installation, "lantern-works");
    assert_eq!(after["message_count"], 10);
    assert_eq!((&after["low"], &after["high"]), (&before["low"], &before["high"]), "it may lack more");
    let path = filtered.to_str().unwrap();
    let (_, line) = said(&installation, &["import", path]);
    assert!(line.contains("4 stored messages are missing from newer exports"), "{line}");
    assert!(line.contains("--complete would delete them"), "{line}");
    let (listed, _) = said(&installation, &["import", "--dry-run", "--complete", path]);
    assert!(listed.contains("general: 4 messages would be deleted: 1235169092567040000, "), "{listed}");
    assert_eq!(coverage(&installation, "lantern-works")["message_count"], 10);
    let report = import(&installation, &[filtered], &["--complete"]);
    assert_eq!(report["deleted"], 4, "{report}");
    assert_eq!(coverage(&installation, "lantern-works")["message_count"], 6);
}

#[test]
fn case_02_parts_that_lost_their_names_delete_nothing_of_each_other() {
    for flags in [&[][..], &["--complete"]] {
        let installation = Installation::new();
        let (code, report) = installation.import(&[&case("02-renamed-parts/general")], flags);
        assert_eq!(code, 0, "{report}");
        for file in report["files"].as_array().unwrap() {
            assert_eq!(
                (&file["added"], &file["deleted"], &file["absent"]),
                (&json!(10), &json!(0), &json!(0)),
                "{file}"
            );
        }
        let tenant = report["tenants"][0].as_str().unwrap();
        // Without their names it is not known whether a part is missing between them.
        let covered = coverage(&installation, tenant);
        assert_eq!((&covered["message_count"], &covered["state"]), (&json!(20), &json!("partial")), "{covered}");
    }
}

#[test]
fn exports_of_different_ranges_made_at_once_prove_nothing_about_the_time_between() {
    // Message n is sent in minute n of Discord's epoch.
    let export_of = |numbers: std::ops::Range<u64>, after: Option<&str>, exported_at: &str| {
        let messages: Vec<Value> = numbers.map(|number| message((number * 60_000 + 1) << 22, "text")).collect();
        let mut export = export(7, &messages);
        export["exportedAt"] = exported_at.into();
        export["dateRange"] = json!({"after": after, "before": "2026-01-01T00:00:00+00:00"});
        export
    };
    for names in [["jan", "mar"], ["general (before 2026-02-01)", "general (after 2026-03-01)"]] {
        let installation = Installation::new();
        let full = write(&installation, "full.json", &export_of(0..30, None, "2026-07-01T00:00:00+00:00"));
        assert_eq!(installation.import(&[&full], &["--complete"]).0, 0);
        let early = export_of(0..10, None, "2026-08-01T00:00:00+00:00");
        let early = write(&installation, &format!("{}.json", names[0]), &early);
        let late = export_of(20..30, Some("2015-01-01T00:19:30+00:00"), "2026-08-01T00:00:05+00:00");
        let late = write(&installation, &format!("{}.json", names[1]), &late);
        let (code, report) = installation.import(&[&early, &late], &["--complete"]);
        let deleted: Vec<_> = report["files"].as_array().unwrap().iter().map(|file| &file["deleted"]).collect();
        assert_eq!((code, deleted), (0, vec![&json!(0), &json!(0)]), "{report}");
        let empty = Installation::new();
        assert_eq!(empty.import(&[&early, &late], &[]).0, 0);
        let covered = coverage(&empty, report["tenants"][0].as_str().unwrap());
        assert_eq!((&covered["message_count"], &covered["state"]), (&json!(20), &json!("partial")), "{covered}");
    }
}

#[test]
fn case_03_a_message_that_was_taken_for_deleted_comes_back() {
    let files = ["1-full", "2-without-3-to-6", "3-full-again"]
        .map(|name| case(&format!("03-it-was-never-deleted/{name}.json")));
    let installation = Installation::new();
    let report = import(&installation, &files[..2], &["--complete"]);
    assert_eq!(report["deleted"], 4, "{report}");
    let report = import(&installation, &files[2..], &[]);
    assert_eq!((&report["status"], &report["updated"], &report["deleted"]), (&json!("ok"), &json!(4), &json!(0)));
    let (code, report) = installation.import(&[&files[2]], &[]);
    assert_eq!((code, &report["files"][0]["unchanged"]), (0, &json!(10)));
    let tenant = report["tenants"][0].as_str().unwrap();
    let covered = coverage(&installation, tenant);
    assert_eq!((&covered["message_count"], &covered["state"]), (&json!(10), &json!("complete")), "{covered}");
}

#[test]
fn a_file_without_a_date_range_proves_nothing() {
    let installation = Installation::new();
    import(&installation, &[case("01-filtered-export/1-full.json")], &[]);
    let before = coverage(&installation, "lantern-works");
    let text = std::fs::read(case("01-filtered-export/2-only-ada.json")).unwrap();
    let mut export: Value = serde_json::from_slice(&text).unwrap();
    export.as_object_mut().unwrap().remove("dateRange");
    let path = installation.path("rangeless.json");
    std::fs::write(&path, export.to_string()).unwrap();
    let report = import(&installation, &[path], &["--complete"]);
    assert_eq!((&report["deleted"], &report["absent"]), (&json!(0), &json!(0)), "{report}");
    let after = coverage(&installation, "lantern-works");
    assert_eq!((&after["message_count"], &after["high"]), (&json!(10), &before["high"]));
}

/// An export of `count` messages, of which one was edited before `edited`.
fn nth(month: u32, count: u64, edited: bool) -> Value {
    let message = |number: u64| {
        let content = if edited && number == 10 { "changed".to_owned() } else { format!("message {number}") };
        json!({"id": ((1_704_067_200_000 - 1_420_070_400_000 + number * 60_000) << 22).to_string(), "type": "Default",
            "timestamp": "2024-01-01T00:00:00+00:00", "content": content, "attachments": [], "embeds": [],
            "timestampEdited": (edited && number == 10).then_some("2024-02-10T00:00:00+00:00"),
            "reactions": [], "mentions": [], "author": {"id": "810000000000000777", "name": "ada", "nickname": "Ada"}})
    };
    json!({"guild": {"id": "810000000000000001", "name": "Third time", "iconUrl": ""},
        "channel": {"id": "810000000000001011", "type": "GuildTextChat", "name": "general"},
        "dateRange": {"after": null, "before": null}, "exportedAt": format!("2026-{month:02}-01T00:00:00+00:00"),
        "messages": (0..count).map(message).collect::<Vec<_>>(), "messageCount": count})
}

#[test]
fn case_19_any_number_of_newer_exports_of_a_channel_is_imported() {
    for flags in [&[][..], &["--complete"]] {
        let installation = Installation::new();
        for (month, count) in [(1, 501), (2, 501), (3, 501), (4, 501), (2, 501), (5, 1_100), (6, 1_600), (3, 501)] {
            let path = installation.path("export.json");
            std::fs::write(&path, nth(month, count, month > 2).to_string()).unwrap();
            import(&installation, &[path], flags);
            let covered = coverage(&installation, "third-time");
            assert_eq!(covered["state"], "complete", "{month}: {covered}");
        }
        let covered = coverage(&installation, "third-time");
        assert_eq!(covered["message_count"], 1_600);
        let database = rusqlite::Connection::open(installation.database()).unwrap();
        let sql = "SELECT (SELECT COUNT(*) FROM coverage_segments), (SELECT COUNT(*) FROM messages WHERE content = 'changed')";
        let rows: (u64, u64) = database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(rows, (1, 1));
    }
}
