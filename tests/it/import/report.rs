//! The report and exit code of an import.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::fixture::{export, message, write};
use crate::program::Installation;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_report_has_these_fields_and_no_others() {
    let installation = Installation::new();
    write(&installation, "all/a.json", &export(1, &[message(10, "one"), message(20, "two")]));
    fs::write(installation.path("all/other.json"), "[]").unwrap();
    let cut = serde_json::to_string_pretty(&export(2, &[message(30, "three"), message(40, "four")])).unwrap();
    fs::write(installation.path("all/z.json"), &cut[..cut.rfind("four").unwrap()]).unwrap();
    let (code, report) = installation.import(&[&installation.path("all")], &[]);
    assert_eq!((code, keys(&report)), (1, BTreeSet::from(["files", "seconds", "tenants"])));
    assert_eq!((&report["tenants"], report["seconds"].is_f64()), (&json!(["merged"]), true));
    let files = report["files"].as_array().unwrap();
    let fields = [
        "absent",
        "added",
        "byte",
        "deleted",
        "error",
        "last_message_id",
        "path",
        "read",
        "status",
        "unchanged",
        "updated",
    ];
    assert!(files.iter().all(|file| keys(file) == BTreeSet::from(fields)), "{report}");
    let file = |name: &str| files.iter().find(|file| file["path"].as_str().unwrap().ends_with(name)).unwrap();
    let short =
        |name: &str| ["status", "error", "byte", "last_message_id", "read", "added"].map(|key| file(name)[key].clone());
    assert_eq!(short("a.json"), [json!("ok"), json!(null), json!(null), json!("20"), json!(2), json!(2)]);
    let error = "it is not an export of DiscordChatExporter: it does not begin with an object";
    assert_eq!(short("other.json"), [json!("failed"), json!(error), json!(0), json!(null), json!(0), json!(0)]);
    let byte = cut.rfind("four").unwrap();
    let error = "the file ends in the middle";
    assert_eq!(short("z.json"), [json!("partial"), json!(error), json!(byte), json!("30"), json!(1), json!(1)]);
    let (code, report) = installation.import(&[&installation.path("all/a.json")], &[]);
    let again = &report["files"][0];
    assert_eq!((code, &again["status"], &again["unchanged"]), (0, &json!("unchanged"), &json!(2)));
}

#[test]
fn people_read_the_same_in_lines() {
    let installation = Installation::new();
    let cut = serde_json::to_string_pretty(&export(2, &[message(30, "three"), message(40, "four")])).unwrap();
    fs::write(installation.path("z.json"), &cut[..cut.rfind("four").unwrap()]).unwrap();
    let output = installation.run(&["import", "z.json", "missing.json"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let byte = cut.rfind("four").unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("the file ends in the middle at byte {byte}; the last stored message is 30")),
        "{said}"
    );
    assert!(said.contains("missing.json") && said.contains("cannot be read: No such file"), "{said}");
    assert!(said.contains("2 files, communities imported: merged"), "{said}");
}

#[test]
fn of_a_file_that_is_written_newest_first_the_last_kept_is_the_oldest() {
    let installation = Installation::new();
    let cut =
        serde_json::to_string_pretty(&export(2, &[message(50, "a"), message(40, "b"), message(30, "c")])).unwrap();
    fs::write(installation.path("z.json"), &cut[..cut.rfind("\"c\"").unwrap()]).unwrap();
    let (code, report) = installation.import(&[&installation.path("z.json")], &[]);
    assert_eq!((code, &report["files"][0]["last_message_id"]), (1, &json!("40")));
}

#[test]
fn bad_words_are_wrong_usage() {
    let installation = Installation::new();
    write(&installation, "a.json", &export(1, &[message(10, "one")]));
    let long = "x".repeat(200);
    for arguments in [
        &["import"][..],
        &["import", "a.json", "--tenant", "Not A Slug"],
        &["import", "a.json", "--tenant", ""],
        &["import", "a.json", "--tenant", &long],
        &["import", "a.json", "--visibility", "secret"],
        &["import", "a.json", "--visibility"],
        &["import", "a.json", "--unknown"],
    ] {
        let output = installation.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!installation.path("data").exists());
}

#[test]
fn one_slug_cannot_stand_for_two_communities() {
    let installation = Installation::new();
    write(&installation, "all/a.json", &export(1, &[message(10, "one")]));
    let mut other = export(1, &[message(10, "one")]);
    other["guild"] = json!({"id": "99", "name": "Another", "iconUrl": ""});
    write(&installation, "all/b.json", &other);
    let output = installation.run(&["import", "--tenant", "both", "all"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("several communities") && said.contains("Merged") && said.contains("Another"), "{said}");
    assert_eq!(installation.import(&[&installation.path("all/a.json")], &["--tenant", "mine"]).0, 0);
    let output = installation.run(&["import", "--tenant", "mine", "all/b.json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("the slug mine belongs to another community"), "{said}");
}

#[test]
fn a_folder_without_an_export_is_reported() {
    let installation = Installation::new();
    fs::create_dir(installation.path("empty")).unwrap();
    fs::write(installation.path("empty/readme.txt"), "no export").unwrap();
    let output = installation.run(&["import", "--json", "empty"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no exports found"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["files"], &report["tenants"]), (&json!([]), &json!([])));
}
