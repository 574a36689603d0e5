//! The command line: its output and exit codes.

use std::io::Read;

use serde_json::{Value, json};

use crate::program::Installation;

/// Returns the JSON object on the last line of standard output.
fn json(installation: &Installation, arguments: &[&str]) -> Value {
    let output = installation.run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_community_can_be_made_listed_changed_and_deleted() {
    let installation = Installation::new();
    let made = json(&installation, &["tenant", "create", "1100000000000000001", "Needle & Thread"]);
    assert_eq!(made["slug"], "needle-thread");
    assert_eq!((&made["status"], &made["platform_id"]), (&json!("ACTIVE"), &json!("1100000000000000001")));
    assert_eq!(json(&installation, &["tenant", "list"]), json!({"items": [made], "next": null}));
    assert_eq!(json(&installation, &["tenant", "show", "needle-thread"]), made);
    assert_eq!(json(&installation, &["tenant", "show", made["id"].as_str().unwrap()]), made);
    let changed = json(&installation, &["tenant", "update", "needle-thread", "--slug", "thimbles"]);
    assert_eq!((&changed["slug"], &changed["name"]), (&json!("thimbles"), &json!("Needle & Thread")));
    assert_eq!(json(&installation, &["coverage", "thimbles"]), json!({"items": [], "next": null}));
    let job = json(&installation, &["tenant", "delete", "thimbles"]);
    assert_eq!((&job["state"], &job["tenant_id"]), (&json!("done"), &made["id"]));
    assert_eq!(json(&installation, &["tenant", "list"]), json!({"items": [], "next": null}));
}

#[test]
fn wrong_usage_ends_with_2_and_what_cannot_be_done_with_1() {
    let installation = Installation::new();
    let cases: [(&[&str], i32, &str); 15] = [
        (&["tenant", "create", "1", "x", "--slug", "A_B"], 2, "A_B"),
        (&["tenant", "create", "1", ""], 2, "NAME"),
        (&["tenant", "update", "no-such"], 2, "--name"),
        (&["tenant", "update", "no-such", "--status", "GONE"], 2, "GONE"),
        (&["tenant", "update", "no-such", "--contact", "no-address"], 2, "an e-mail address"),
        (&["tenant", "update", "no-such", "--link", "Forum=http://a.example"], 2, "https"),
        (&["tenant", "update", "no-such", "--footer", &"x".repeat(501)], 2, "500"),
        (&["tenant", "update", "no-such", "--accent-color", "red"], 2, "red"),
        (&["tenant", "update", "no-such", "--icon", "no-such-file"], 1, "no-such-file"),
        (&["import"], 2, "PATH"),
        (&["import", "x", "--visibility", "some"], 2, "some"),
        (&["serve", "--bind", "nowhere"], 2, "BIND"),
        (&["tenant", "update", "no-such", "--status", "ACTIVE"], 1, "no-such"),
        (&["tenant", "delete", "no-such"], 1, "no-such"),
        (&["coverage", "no-such"], 1, "community"),
    ];
    for (arguments, code, named) in cases {
        let output = installation.run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {told}");
        assert!(told.contains(named), "{arguments:?}: {told}");
    }
}

#[test]
fn a_reader_who_has_read_enough_is_no_failure() {
    let installation = Installation::new();
    installation.run(&["migrate"]);
    for arguments in [["tenant", "list"].as_slice(), &["tenant", "list", "--json"], &["migrate", "--status"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = installation.command(arguments).stdout(writer).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn migrations_are_told_before_and_after_they_ran() {
    let installation = Installation::new();
    let applied = |status: &Value| -> Vec<bool> {
        status["items"].as_array().unwrap().iter().map(|step| step["applied_at"].is_string()).collect()
    };
    let before = json(&installation, &["migrate", "--status"]);
    assert!(!installation.database().exists(), "telling makes nothing");
    assert!(!applied(&before).is_empty() && applied(&before).iter().all(|applied| !applied), "{before}");
    json(&installation, &["migrate"]);
    let after = json(&installation, &["migrate", "--status"]);
    assert!(applied(&after).len() == applied(&before).len() && applied(&after).iter().all(|applied| *applied));
}
