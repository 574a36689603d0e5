//! The key of the pseudonyms: an archive has one key, whatever happens to its file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use rusqlite::Connection;
use serde_json::Value;

use crate::program::{Installation, examples};
use crate::server::Database;

/// A key other than that of every installation here.
fn other_key() -> String {
    "a7".repeat(32)
}

/// The program without a key in its settings.
fn keyless(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = installation.command(arguments);
    command.env_remove("PSEUDONYM_KEY");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeds(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{command:?}: {}", said(&output));
    output
}

/// Runs a command that must be rejected; returns its output.
fn rejected(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
    said(&output)
}

fn import(installation: &Installation) -> Command {
    installation.command(&["import", examples().to_str().unwrap()])
}

fn key_file(installation: &Installation) -> PathBuf {
    installation.path("data/verta.db.key")
}

/// The check of the key as reported by `verta doctor`: its state and its text.
fn doctor(mut command: Command) -> (String, String) {
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let report: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let key = checks.iter().find(|check| check["name"] == "key").unwrap();
    (key["state"].as_str().unwrap().to_owned(), key["detail"].as_str().unwrap().to_owned())
}

fn authors(installation: &Installation) -> u64 {
    let database = Connection::open(installation.database()).unwrap();
    database.query_row("SELECT COUNT(DISTINCT author) FROM messages", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_key_that_is_lost_is_never_replaced() {
    let installation = Installation::new();
    let import = || {
        let mut command = import(&installation);
        command.env_remove("PSEUDONYM_KEY");
        command
    };
    succeeds(import());
    let (file, people) = (key_file(&installation), authors(&installation));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let before = files(&installation);
    for command in [
        import(),
        keyless(&installation, &["import", "--dry-run", examples().to_str().unwrap()]),
        keyless(&installation, &["serve", "--import", examples().to_str().unwrap()]),
        keyless(&installation, &["tenant", "create", "5", "Five"]),
        {
            let mut command = keyless(&installation, &["serve"]);
            command.env("DISCORD_BOT_TOKEN", "MTA.abc.def");
            command
        },
    ] {
        let said = rejected(command);
        assert!(said.contains("verta.db.key") && said.contains("PSEUDONYM_KEY"), "{said}");
    }
    for arguments in
        [["coverage", "thimble-firmware"].as_slice(), &["tenant", "list"], &["tenant", "show", "thimble-firmware"]]
    {
        succeeds(keyless(&installation, arguments));
    }
    let (state, detail) = doctor(keyless(&installation, &["doctor", "--json"]));
    assert_eq!((state.as_str(), detail.contains("put the file back")), ("failed", true), "{detail}");
    assert_eq!(files(&installation), before, "no key was made, and nothing was left");
    assert_eq!(authors(&installation), people);
    fs::write(&file, key).unwrap();
    succeeds(import());
    assert_eq!(authors(&installation), people);
}

/// The names of the files next to the database.
fn files(installation: &Installation) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(installation.path("data"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_server_that_only_reads_needs_no_key() {
    let installation = Installation::new();
    succeeds(import(&installation));
    let server = installation.serve_with(&[], |command| {
        command.env_remove("PSEUDONYM_KEY");
    });
    assert_eq!(server.get("/thimble-firmware").status, 200);
    drop(server);
    assert!(!key_file(&installation).exists());
}

#[test]
fn another_key_than_the_archives_is_rejected() {
    let installation = Installation::new();
    succeeds(import(&installation));
    let people = authors(&installation);
    let with_other = |arguments: &[&str]| {
        let mut command = installation.command(arguments);
        command.env("PSEUDONYM_KEY", other_key());
        command
    };
    let path = examples();
    let path = path.to_str().unwrap();
    for arguments in [
        ["import", path].as_slice(),
        &["import", "--dry-run", path],
        &["serve"],
        &["serve", "--import", path],
        &["tenant", "create", "5", "Five"],
        &["tenant", "delete", "thimble-firmware"],
    ] {
        let said = rejected(with_other(arguments));
        assert!(said.contains("PSEUDONYM_KEY is not the key that the archive was written with"), "{said}");
        assert!(!said.contains(&other_key()), "{said}");
    }
    let mut sync = with_other(&["sync", "thimble-firmware"]);
    sync.env("DISCORD_BOT_TOKEN", "MTA.abc.def");
    assert!(rejected(sync).contains("is not the key"));
    succeeds(with_other(&["coverage", "thimble-firmware"]));
    let (state, detail) = doctor(with_other(&["doctor", "--json"]));
    assert_eq!((state.as_str(), detail.contains("another key")), ("failed", true), "{detail}");
    let (state, detail) = doctor(installation.command(&["doctor", "--json"]));
    assert_eq!((state.as_str(), detail.contains("was written with it")), ("ok", true), "{detail}");
    // A file with another key next to it is rejected as well.
    fs::write(key_file(&installation), other_key()).unwrap();
    assert!(rejected(keyless(&installation, &["import", path])).contains("verta.db.key"));
    assert_eq!(authors(&installation), people);
}

#[test]
fn an_archive_of_an_earlier_release_takes_the_key_that_it_is_given_and_makes_none() {
    let installation = Installation::new();
    succeeds(import(&installation));
    let database = Connection::open(installation.database()).unwrap();
    let check =
        || database.query_row("SELECT key_check FROM archive", [], |row| row.get::<_, Option<String>>(0)).unwrap();
    let stored = check();
    assert!(stored.is_some());
    assert_eq!(database.execute("UPDATE archive SET key_check = NULL", []).unwrap(), 1);
    let path = examples();
    let path = path.to_str().unwrap();
    assert!(rejected(keyless(&installation, &["import", path])).contains("PSEUDONYM_KEY"));
    assert!(!key_file(&installation).exists());
    succeeds(installation.command(&["import", "--dry-run", path]));
    assert_eq!(check(), None, "a dry run records nothing");
    succeeds(import(&installation));
    assert_eq!(check(), stored);
}

#[test]
fn what_only_reads_or_tells_makes_neither_an_archive_nor_a_key() {
    let installation = Installation::new();
    let path = examples();
    succeeds(keyless(&installation, &["import", "--dry-run", path.to_str().unwrap()]));
    succeeds(keyless(&installation, &["tenant", "list"]));
    rejected(keyless(&installation, &["coverage", "no-such"]));
    rejected(keyless(&installation, &["tenant", "delete", "no-such"]));
    assert!(!installation.path("data").exists());
    // An archive without content counts as new, however it was created.
    succeeds(keyless(&installation, &["migrate"]));
    assert!(!key_file(&installation).exists());
    succeeds(keyless(&installation, &["import", "--dry-run", path.to_str().unwrap()]));
    assert!(!key_file(&installation).exists());
    succeeds(keyless(&installation, &["import", path.to_str().unwrap()]));
    assert!(key_file(&installation).exists());
}

#[test]
fn files_that_a_killed_start_left_do_no_harm() {
    let installation = Installation::new();
    let path = examples();
    // The shell becomes the program, so both have the same process id, as after a restart of a container.
    let run = |before: &str, flags: &str| {
        let program = env!("CARGO_BIN_EXE_verta");
        let script = format!("{before}; exec {program} import {flags} \"$0\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, path.to_str().unwrap()]).current_dir(installation.path("")).env_clear();
        command.env("DATABASE_URL", format!("sqlite:{}", installation.database().display()));
        command.env("TMPDIR", installation.path("tmp"));
        command
    };
    fs::create_dir_all(installation.path("tmp")).unwrap();
    succeeds(run("mkdir $TMPDIR/verta-dry-run-$$", "--dry-run"));
    succeeds(run("mkdir data; touch data/verta.key.$$ data/verta.db.key.$$", ""));
    assert!(key_file(&installation).exists());
    let left = fs::read_dir(installation.path("tmp")).unwrap().count();
    assert_eq!(left, 1, "what the dry run made is gone");
}

#[test]
fn a_copy_takes_the_check_value_along_and_no_archive_of_another_key_takes_it() {
    let from = Installation::new();
    succeeds(import(&from));
    let url = |installation: &Installation| format!("sqlite:{}", installation.database().display());
    let copy = |to: &Installation| {
        let mut command = keyless(&from, &["copy", "--from", &url(&from), "--to", &url(to)]);
        command.env_remove("PSEUDONYM_KEY");
        command
    };
    let to = Installation::new();
    succeeds(copy(&to));
    let mut with_other = import(&to);
    with_other.env("PSEUDONYM_KEY", other_key());
    assert!(rejected(with_other).contains("is not the key"));
    succeeds(import(&to));
    succeeds(copy(&to));

    let foreign = Installation::new();
    let mut made = foreign.command(&["tenant", "create", "5", "Five"]);
    made.env("PSEUDONYM_KEY", other_key());
    succeeds(made);
    let said = rejected(copy(&foreign));
    assert!(said.contains("another key"), "{said}");
    let held = Connection::open(foreign.database()).unwrap();
    let tenants: u64 = held.query_row("SELECT COUNT(*) FROM tenants", [], |row| row.get(0)).unwrap();
    assert_eq!(tenants, 1, "nothing was copied");

    let mut with_other = copy(&Installation::new());
    with_other.env("PSEUDONYM_KEY", other_key());
    assert!(rejected(with_other).contains("PSEUDONYM_KEY is not the key that the archive to copy from"));
    for beside in [&from, &to] {
        fs::write(key_file(beside), other_key()).unwrap();
        assert!(rejected(copy(&to)).contains("verta.db.key is not the key"));
        fs::remove_file(key_file(beside)).unwrap();
    }

    let source = Connection::open(from.database()).unwrap();
    assert_eq!(source.execute("UPDATE archive SET key_check = NULL", []).unwrap(), 1);
    assert!(rejected(copy(&to)).contains("check value"));
    succeeds(copy(&Installation::new()));
}

/// Starts two first imports with different keys concurrently; returns how both ended.
fn two_first_writers(address: Option<&str>) -> Vec<Output> {
    let folder = Installation::new();
    let other = address.map_or_else(Installation::new, Installation::at);
    let children: Vec<_> = ["5a", "a7"]
        .into_iter()
        .map(|byte| {
            let installation = if address.is_some() { &other } else { &folder };
            let mut command = import(installation);
            command.env("PSEUDONYM_KEY", byte.repeat(32)).spawn().unwrap()
        })
        .collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn assert_one_won(ended: &[Output]) {
    let mut codes: Vec<_> = ended.iter().map(|output| output.status.code().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1], "{}{}", said(&ended[0]), said(&ended[1]));
    let lost = ended.iter().find(|output| output.status.code() == Some(1)).unwrap();
    assert!(said(lost).contains("is not the key that the archive was written with"), "{}", said(lost));
}

#[test]
fn of_two_first_writers_with_different_keys_one_is_rejected() {
    assert_one_won(&two_first_writers(None));
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn of_two_first_writers_with_different_keys_one_is_rejected_by_a_server() {
    let database = Database::new().await;
    let address = database.address();
    tokio::task::spawn_blocking(move || {
        assert_one_won(&two_first_writers(Some(&address)));
        // Reading requires no key there either.
        let reader = Installation::at(&address);
        succeeds(keyless(&reader, &["coverage", "thimble-firmware"]));
        let server = reader.serve_with(&["--role", "web"], |command| {
            command.env_remove("PSEUDONYM_KEY");
        });
        assert_eq!(server.get("/thimble-firmware").status, 200);
        let writes = keyless(&reader, &["tenant", "create", "5", "Five"]).output().unwrap();
        assert_eq!(
            (writes.status.code(), said(&writes).contains("PSEUDONYM_KEY")),
            (Some(2), true),
            "{}",
            said(&writes)
        );
    })
    .await
    .unwrap();
    drop(database);
}
