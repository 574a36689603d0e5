//! Several exports of one channel.

use std::fs;

use serde_json::{Value, json};

use super::dump;
use super::fixture::{export, held, import_each, message, query, write};
use crate::program::Installation;

/// An export of the 1st and one of the 9th of March. In between the first message was edited, the second deleted, the
/// third pinned and reacted to, and a fourth sent.
fn two() -> (Value, Value) {
    let with = |mut message: Value, fields: Value| {
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        message
    };
    let thumbs = |count: u32| json!([{"emoji": {"id": "", "name": "👍"}, "count": count, "users": []}]);
    let first = message(10, "frist");
    let third = with(message(30, "three"), json!({"reactions": thumbs(1)}));
    let older = export(1, &[first, message(20, "two"), third]);
    let newer = export(
        9,
        &[
            with(message(10, "first"), json!({"timestampEdited": "2026-03-02T00:00:00+00:00"})),
            with(message(30, "three"), json!({"reactions": thumbs(5), "isPinned": true})),
            message(40, "four"),
        ],
    );
    (older, newer)
}

/// Rows without the time of a deletion, which is the last column of a message: it is only known to be between two
/// exports.
fn timeless(rows: &[String]) -> Vec<String> {
    let cut = |row: &String| match row.rsplit_once(", Integer(") {
        Some((before, _)) if row.starts_with("messages: ") => format!("{before}, deleted"),
        _ => row.clone(),
    };
    rows.iter().map(cut).collect()
}

#[test]
fn two_exports_of_a_channel_end_alike_in_both_orders() {
    let (older, newer) = two();
    let ends = [[0, 1], [1, 0]].map(|order| {
        let installation = Installation::new();
        let files = [write(&installation, "older.json", &older), write(&installation, "newer.json", &newer)];
        let reports = import_each(&installation, &order.map(|index| &files[index]));
        assert_eq!(held(&installation), ["10|first|0", "20|two|1", "30|three|0", "40|four|0"], "{order:?}");
        let sql = "SELECT count, pinned FROM reactions JOIN messages USING (channel_id, message_id)";
        assert_eq!(query(&installation.database(), sql), ["5|1"]);
        let before = dump(&installation.database());
        let again = import_each(&installation, &[&files[0], &files[1]]);
        assert!(again.iter().all(|file| file["status"] == "unchanged"), "{again:?}");
        assert_eq!(dump(&installation.database()), before, "a third and fourth import change nothing");
        (reports, before)
    });
    let counts = |report: &Value| ["added", "updated", "unchanged", "deleted"].map(|key| report[key].as_u64().unwrap());
    let [(forward, end), (backward, other_end)] = ends;
    assert_eq!(forward.iter().map(counts).collect::<Vec<_>>(), [[3, 0, 0, 0], [1, 2, 0, 1]]);
    assert_eq!(backward.iter().map(counts).collect::<Vec<_>>(), [[3, 0, 0, 0], [1, 0, 2, 0]]);
    let folder = Installation::new();
    write(&folder, "both/a.json", &newer);
    write(&folder, "both/b.json", &older);
    folder.import(&[&folder.path("both")], &["--complete"]);
    // A message read from one file of an import is not deleted by another file of the same import.
    assert_eq!(held(&folder), ["10|first|0", "20|two|0", "30|three|0", "40|four|0"]);
    assert_eq!(timeless(&end), timeless(&other_end));
}

#[test]
fn a_channel_is_described_by_its_newest_export() {
    let (mut older, mut newer) = two();
    older["channel"]["topic"] = "an old topic".into();
    newer["channel"]["topic"] = "a new topic".into();
    newer["channel"]["name"] = "renamed".into();
    newer["channel"]["categoryId"] = "3".into();
    newer["channel"]["category"] = "Moved".into();
    for order in [[0, 1], [1, 0]] {
        let installation = Installation::new();
        let files = [write(&installation, "older.json", &older), write(&installation, "newer.json", &newer)];
        import_each(&installation, &order.map(|index| &files[index]));
        let sql = "SELECT own.name, own.topic, above.name FROM channels AS own
            JOIN channels AS above ON above.channel_id = own.parent_id";
        assert_eq!(query(&installation.database(), sql), ["renamed|a new topic|Moved"], "{order:?}");
    }
}

#[test]
fn only_inside_its_range_does_an_export_prove_deletions() {
    let all: Vec<Value> = [10, 20, 30, 40, 50].map(|id| message(id << 22, "kept")).to_vec();
    let after = |newer: &Value| -> Vec<u64> {
        let installation = Installation::new();
        let (older, newer) = (write(&installation, "a.json", &export(1, &all)), write(&installation, "b.json", newer));
        import_each(&installation, &[&older, &newer]);
        let gone = "SELECT message_id >> 22 FROM messages WHERE deleted_at IS NOT NULL ORDER BY 1";
        query(&installation.database(), gone).iter().map(|id| id.parse().unwrap()).collect()
    };
    let pick = |ids: &[u64]| -> Vec<Value> { ids.iter().map(|id| message(id << 22, "kept")).collect() };
    assert_eq!(after(&export(9, &pick(&[20, 40]))), [10, 30], "what came behind its last message may be later");
    let mut ranged = export(9, &pick(&[20, 40]));
    // Ids begin with 2015; the message 10 was sent 10 ms later.
    ranged["dateRange"] = json!({"after": "2015-01-01T00:00:00.015Z", "before": "2015-01-01T00:00:00.050Z"});
    assert_eq!(after(&ranged), [30]);
    ranged["dateRange"]["after"] = "2015-01-01T00:00:00.010Z".into();
    assert_eq!(after(&ranged), [30], "the very millisecond is not in the range");
    assert_eq!(after(&export(9, &pick(&[40, 20]))), [10, 30], "the newest first");
    assert_eq!(after(&export(9, &pick(&[20, 50, 40]))), [0_u64; 0], "in no order nothing is proven");
    assert_eq!(after(&export(9, &[])), [0_u64; 0]);
    let mut faulty = pick(&[20, 40]);
    faulty.push(json!({"content": "without an id"}));
    let installation = Installation::new();
    let older = write(&installation, "a.json", &export(1, &all));
    let faulty = write(&installation, "b.json", &export(9, &faulty));
    import_each(&installation, &[&older]);
    installation.import(&[&faulty], &["--complete"]);
    assert!(held(&installation).iter().all(|message| message.ends_with("|0")));
}

#[test]
fn a_truncated_export_proves_no_deletion() {
    let installation = Installation::new();
    let older: Vec<Value> = (1..=9).map(|id| message(id * 10, "kept")).collect();
    let older = write(&installation, "a.json", &export(1, &older));
    let newer: Vec<Value> = (1..=4).map(|id| message(id * 20, "newer")).collect();
    let newer = write(&installation, "b.json", &export(9, &newer));
    let whole = fs::read(&newer).unwrap();
    fs::write(&newer, &whole[..whole.len() * 2 / 3]).unwrap();
    import_each(&installation, &[&older]);
    let (code, report) = installation.import(&[&newer], &["--complete"]);
    assert_eq!((code, &report["files"][0]["status"]), (1, &"partial".into()));
    assert!(held(&installation).iter().all(|message| message.ends_with("|0")));
    let output = installation.run(&["coverage", "merged", "--json"]);
    let coverage: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_ne!(coverage["items"][0]["state"], "complete", "{coverage}");
}

#[test]
fn parts_that_were_written_newest_first_prove_no_more_than_they_show() {
    let part = |ids: &[u64]| export(9, &ids.iter().map(|id| message(*id, "kept")).collect::<Vec<_>>());
    let installation = Installation::new();
    let all: Vec<Value> = (1..=9).map(|id| message(id * 10, "kept")).collect();
    let older = write(&installation, "older/c.json", &export(1, &all));
    write(&installation, "parts/c.json", &part(&[90, 70]));
    write(&installation, "parts/c [part 2].json", &part(&[50]));
    write(&installation, "parts/c [part 3].json", &part(&[30, 20]));
    import_each(&installation, &[&older]);
    let (code, report) = installation.import(&[&installation.path("parts")], &["--complete"]);
    assert_eq!(code, 0, "{report}");
    let gone: Vec<String> = held(&installation).into_iter().filter(|message| message.ends_with("|1")).collect();
    assert_eq!(gone, ["40|kept|1", "60|kept|1", "80|kept|1"], "between them; below the last may be a fourth");
}

#[test]
fn a_part_of_another_export_is_not_joined() {
    let part = |day, ids: &[u64]| export(day, &ids.iter().map(|id| message(*id, "kept")).collect::<Vec<_>>());
    for (name, day, joined) in [
        ("c [part 2].json", 9, true),
        ("d [part 2].json", 9, false),
        ("c [part 2].json", 1, false),
        // Without its name it is not known whether a part is missing between.
        ("d.json", 5, false),
        ("c-part-2.json", 5, true),
    ] {
        let installation = Installation::new();
        write(&installation, "parts/c.json", &part(5, &[10, 20]));
        write(&installation, &format!("parts/{name}"), &part(day, &[40, 50]));
        let (code, report) = installation.import(&[&installation.path("parts")], &[]);
        assert_eq!(code, 0, "{report}");
        let output = installation.run(&["coverage", "merged", "--json"]);
        let coverage = serde_json::from_slice::<Value>(&output.stdout).unwrap()["items"][0].clone();
        let low = if joined { "10" } else { "40" };
        assert_eq!((&coverage["low"], &coverage["high"]), (&low.into(), &"50".into()), "{name} of day {day}");
    }
}
