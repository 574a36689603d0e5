//! `verta copy`: copying an archive from one store to another.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::import::fixture::{export, held, import_each, message, write};
use crate::program::{Installation, examples};
use crate::same::answers;
use crate::server::Database;

/// An archive of the examples, which include edits, with one deleted message.
fn archive() -> Installation {
    let installation = Installation::new();
    let (code, report) = installation.import(&[&examples()], &[]);
    assert_eq!(code, 0, "{report}");
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let change = |sql: &str| assert_eq!(database.execute(sql, []).unwrap(), 1);
    change(
        "UPDATE messages SET deleted_at = 1790000000000 WHERE
        (channel_id, message_id) = (SELECT channel_id, message_id FROM attachments LIMIT 1)",
    );
    change(
        "UPDATE channels SET message_count = message_count - 1 WHERE channel_id =
        (SELECT channel_id FROM attachments LIMIT 1)",
    );
    change(
        "UPDATE channel_days SET messages = messages - 1 WHERE (channel_id, day) = (SELECT channel_id,
        CAST(strftime('%Y%m%d', ((message_id >> 22) + 1420070400000) / 1000, 'unixepoch') AS INTEGER)
        FROM attachments LIMIT 1)",
    );
    change(
        "UPDATE tenants SET primary_color = '#123456', solved_tags = '[\"Solved\"]', ai_training = 'allow',
        description = 'a place', links = '[{\"label\":\"a\",\"url\":\"https://a.example\"}]', contact = 'a@b.example',
        icon_hash = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', icon_kind = 'png'",
    );
    change(
        "INSERT INTO unreadable_messages SELECT channel_id, '6d1f5c0e-93b7-5a52-8e44-b0d927ac71f3', NULL, 5, 9,
        'a message has no id', '{\"content\":\"odd\"}', 1790000000000, 1790000000001 FROM attachments LIMIT 1",
    );
    change("INSERT INTO guilds SELECT tenant_id, 1790000000000 FROM tenants");
    change("INSERT INTO roles SELECT tenant_id, 5, 'Knitters', 255, 1, 1790000000000, NULL FROM tenants");
    change("INSERT INTO emojis SELECT tenant_id, 6, 'wave', 1, 1790000000000, 1790000000001 FROM tenants");
    // One file in each state, instead of those that the import stored.
    database.execute("DELETE FROM media", []).unwrap();
    for (state, due_at, hash, offset) in [
        ("0", "1790000000000", "NULL", 0),
        ("1", "NULL", "'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'", 1),
        ("2", "NULL", "NULL", 2),
        ("3", "NULL", "NULL", 3),
    ] {
        change(&format!(
            "INSERT INTO media
            SELECT channel_id, message_id, attachment_id, (SELECT tenant_id FROM tenants), {state}, 0, {due_at}, {hash},
                iif({state} = 1, 7, NULL), iif({state} = 1, 'png', NULL), iif({state} = 1, 3, NULL),
                iif({state} = 1, 2, NULL)
            FROM attachments ORDER BY channel_id, message_id, attachment_id LIMIT 1 OFFSET {offset}"
        ));
    }
    database
        .execute_batch(
            "INSERT INTO pictures SELECT tenant_id, 'emoji/6', '6.gif', 1, 0, NULL,
                '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 7, 'gif', 3, 2 FROM tenants;
            INSERT INTO pictures SELECT tenant_id, 'sticker/7', '7.png', 0, 2, 1790000000000, NULL, NULL, NULL, NULL, NULL
                FROM tenants",
        )
        .unwrap();
    change("INSERT INTO stickers SELECT tenant_id, 7, 'yarn', 'png', 'a ball', 1790000000000, NULL FROM tenants");
    installation
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn copy(at: &Installation, from: &str, to: &str) -> (i32, String, String) {
    let output = at.run(&["copy", "--json", "--from", from, "--to", to]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Returns the checksums of a copy that must succeed.
fn channels(at: &Installation, from: &str, to: &str) -> Value {
    let (code, said, errors) = copy(at, from, to);
    assert_eq!(code, 0, "{said}{errors}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["tenants"], serde_json::json!(["thimble-firmware"]));
    assert!(report["seconds"].is_number());
    report["channels"].clone()
}

/// Returns the number of logged changes of a database; it grows when a copy writes a message.
fn changes(path: &Path) -> u64 {
    rusqlite::Connection::open(path).unwrap().query_row("SELECT COUNT(*) FROM changes", [], |row| row.get(0)).unwrap()
}

/// Returns the stored state of all files of a database.
fn files(path: &Path) -> Vec<(u64, u8, Option<String>)> {
    let database = rusqlite::Connection::open(path).unwrap();
    let mut known = database.prepare("SELECT attachment_id, state, hash FROM media ORDER BY attachment_id").unwrap();
    let rows = known.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Returns the keys, names and states of all pictures of a database, each as a text.
fn pictures(path: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(path).unwrap();
    let columns = "concat_ws(' ', picture_key, name, state, tries, due_at, hash)";
    let mut known = database.prepare(&format!("SELECT {columns} FROM pictures ORDER BY picture_key")).unwrap();
    known.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn assert_same_answers(one: &Installation, other: &Installation) {
    let (expected, found) = (answers(&one.serve(&[])), answers(&other.serve(&[])));
    assert!(expected.len() > 400, "{} answers", expected.len());
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_copy_of_a_file_answers_as_the_file_does_and_a_second_run_changes_nothing() {
    let (from, to) = (archive(), Installation::new());
    let (from_url, to_url) = (url(&from.database()), url(&to.database()));
    let first = channels(&from, &from_url, &to_url);
    let deleted: u64 = first.as_array().unwrap().iter().map(|channel| channel["deleted"].as_u64().unwrap()).sum();
    assert!(deleted > 0, "{first}");
    let written = changes(&to.database());
    assert_eq!(channels(&from, &from_url, &to_url), first);
    assert_eq!(changes(&to.database()), written);
    assert_eq!(channels(&from, &to_url, &from_url), first);
    assert_eq!((files(&to.database()).len(), files(&to.database())), (4, files(&from.database())));
    assert_eq!((pictures(&to.database()).len(), pictures(&to.database())), (8, pictures(&from.database())));
    assert_same_answers(&from, &to);
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_is_run_again() {
    let (from, to) = (archive(), Installation::new());
    let (from_url, to_url) = (url(&from.database()), url(&to.database()));
    let mut child = from.command(&["copy", "--from", &from_url, "--to", &to_url]).spawn().unwrap();
    // The program reports when it starts on the messages.
    child.stderr.as_mut().unwrap().read_exact(&mut [0; 1]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let first = channels(&from, &from_url, &to_url);
    assert_eq!(channels(&from, &to_url, &from_url), first);
    assert_same_answers(&from, &to);
}

#[test]
fn what_differs_after_a_copy_is_named_and_ends_it_with_1() {
    let (from, to) = (archive(), Installation::new());
    let (from_url, to_url) = (url(&from.database()), url(&to.database()));
    channels(&from, &from_url, &to_url);
    let database = rusqlite::Connection::open(to.database()).unwrap();
    let changed: String = database
        .query_row(
            "UPDATE messages SET content = 'newer', observed_at = observed_at + 1
            WHERE message_id = (SELECT MAX(message_id) FROM messages) RETURNING channel_id",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let (code, said, errors) = copy(&from, &from_url, &to_url);
    assert_eq!(code, 1, "{said}");
    assert!(errors.contains(&changed), "{errors}");
    assert_eq!(errors.matches("is not the same").count(), 1, "{errors}");
}

#[test]
fn roles_emoji_and_stickers_are_copied_and_what_the_target_has_newer_is_named() {
    let (from, to) = (archive(), Installation::new());
    let (from_url, to_url) = (url(&from.database()), url(&to.database()));
    channels(&from, &from_url, &to_url);
    let database = rusqlite::Connection::open(to.database()).unwrap();
    let sql = "SELECT roles.name || color || emojis.name || emojis.deleted_at || stickers.name || description
        || guilds.observed_at FROM guilds JOIN roles JOIN emojis JOIN stickers WHERE roles.name = 'Knitters'";
    let held: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(held, "Knitters255wave1790000000001yarna ball1790000000000");
    assert_eq!(
        database
            .execute("UPDATE roles SET name = 'newer', observed_at = observed_at + 1 WHERE name = 'Knitters'", [])
            .unwrap(),
        1
    );
    let (code, said, errors) = copy(&from, &from_url, &to_url);
    assert_eq!(code, 1, "{said}");
    assert!(errors.contains("roles") && errors.contains("thimble-firmware"), "{errors}");
    assert_eq!(errors.matches("not the same").count(), 1, "{errors}");
    let kept: u64 =
        database.query_row("SELECT COUNT(*) FROM roles WHERE name = 'newer'", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn what_could_not_be_read_is_copied_and_goes_where_the_source_has_it_no_more() {
    let (from, to) = (archive(), Installation::new());
    let (from_url, to_url) = (url(&from.database()), url(&to.database()));
    channels(&from, &from_url, &to_url);
    let sql = "SELECT reason || raw || low || high || first_seen_at || last_seen_at FROM unreadable_messages";
    let copied = rusqlite::Connection::open(to.database()).unwrap();
    let held: String = copied.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(held, "a message has no id{\"content\":\"odd\"}5917900000000001790000000001");
    // An item that only the target has is reported if the target checked later, and removed if it did not.
    copied.execute("UPDATE coverage SET checked_at = checked_at + 1", []).unwrap();
    let source = rusqlite::Connection::open(from.database()).unwrap();
    assert_eq!(source.execute("DELETE FROM unreadable_messages", []).unwrap(), 1);
    assert_eq!(copy(&from, &from_url, &to_url).0, 1);
    copied.execute("UPDATE coverage SET checked_at = checked_at - 1", []).unwrap();
    channels(&from, &from_url, &to_url);
    let left: u64 = copied.query_row("SELECT COUNT(*) FROM unreadable_messages", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_copy_onto_itself_from_nowhere_or_onto_another_community_is_refused() {
    let from = archive();
    let from_url = url(&from.database());
    let (code, _, errors) = copy(&from, &from_url, &format!("sqlite:{}", "data/verta.db"));
    assert_eq!((code, errors.contains("--to")), (2, true), "{errors}");
    let (code, _, errors) = copy(&from, &url(&from.path("nowhere.db")), &from_url);
    assert_eq!((code, errors.contains("--from")), (2, true), "{errors}");
    assert!(!from.path("nowhere.db").exists());
    let (code, _, errors) = copy(&from, &from_url, "postgres://user:secret@host/x");
    assert_eq!((code, errors.contains("--to"), errors.contains("secret")), (2, true, false), "{errors}");
    let to = Installation::new();
    assert!(to.run(&["tenant", "create", "5", "x", "--slug", "thimble-firmware"]).status.success());
    let (code, _, errors) = copy(&from, &from_url, &url(&to.database()));
    assert_eq!((code, errors.contains("thimble-firmware")), (1, true), "{errors}");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_archive_that_went_to_a_server_and_back_is_the_same() {
    let database = Database::new().await;
    let server_url = database.address();
    let compared = tokio::task::spawn_blocking(move || {
        let (from, server, back) = (archive(), Installation::at(&server_url), Installation::new());
        let (from_url, back_url) = (url(&from.database()), url(&back.database()));
        let first = channels(&from, &from_url, &server_url);
        assert_eq!(channels(&from, &from_url, &server_url), first);
        assert_eq!(channels(&from, &server_url, &back_url), first);
        assert_same_answers(&from, &server);
        assert_same_answers(&from, &back);
    });
    compared.await.unwrap();
}

#[test]
fn of_two_archives_with_histories_of_their_own_the_latest_observation_stands() {
    // An export covers the ids up to its last message, which is present in every file.
    let day = |lacked: &[u64]| -> Vec<Value> {
        [(1_000, "a"), (1_001, "b"), (2_000, "z")]
            .into_iter()
            .filter(|(id, _)| !lacked.contains(id))
            .map(|(id, text)| message(id, text))
            .collect()
    };
    let (all, without_b) = (day(&[]), day(&[1_001]));
    for (source, target, is_deleted, case) in [
        (vec![(1, &all), (2, &without_b)], vec![(1, &all), (3, &all)], false, "the target saw it after it was lacked"),
        (vec![(1, &all), (5, &without_b)], vec![(1, &all), (3, &all)], true, "the source lacked it later"),
        (vec![(1, &all), (3, &all)], vec![(1, &all), (2, &without_b)], false, "the source saw it after it was lacked"),
        (vec![(1, &all)], vec![(2, &without_b)], true, "the target never had it and lacked it later"),
        (vec![(2, &without_b)], vec![(1, &all)], true, "the source never had it and lacked it later"),
        (vec![(1, &without_b)], vec![(2, &all)], false, "the source never had it and the target saw it later"),
    ] {
        let (one, other) = (Installation::new(), Installation::new());
        for (at, files) in [(&one, &source), (&other, &target)] {
            for (day, messages) in files {
                let file = write(at, &format!("{day}.json"), &export(*day, messages));
                import_each(at, &[&file]);
            }
        }
        let expected = ["1000|a|0".to_owned(), format!("1001|b|{}", u8::from(is_deleted)), "2000|z|0".to_owned()];
        for _ in 0..2 {
            let (code, said, errors) = copy(&one, &url(&one.database()), &url(&other.database()));
            assert!(code < 2, "{case}: {said}{errors}");
            assert_eq!(held(&other), expected, "{case}: {said}{errors}");
        }
    }
}
