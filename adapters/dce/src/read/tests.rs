mod beyond;
mod versions;

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;

use domain::channel::{ChannelId, ChannelKind};
use domain::message::Message;
use domain::pseudonym::{KnownPeople, Pseudonym, PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use flate2::Compression;
use flate2::write::GzEncoder;
use ports::source::{ExportEnd, ExportFile, ExportSummary, MessageOrder, SourceError};
use serde_json::{Value, json};

use super::{BATCH, BATCH_BYTES, read};
use crate::archive::Archives;
use crate::look::MAX_TEXT;
use crate::summary::summarize;

fn tenant() -> TenantId {
    TenantId::of(Platform::Discord, &PlatformId::new("100").unwrap())
}

fn people() -> Pseudonymizer {
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), tenant())
}

fn person(id: &str) -> Pseudonym {
    people().person(id)
}

/// The results of both passes over a file with these bytes and this name.
fn read_bytes(name: &str, bytes: &[u8]) -> Result<(ExportSummary, Vec<Message>), SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_path(&path)
}

fn read_path(path: &Path) -> Result<(ExportSummary, Vec<Message>), SourceError> {
    let file = ExportFile { path: path.to_owned(), entry: None, stored_bytes: 0 };
    let mut known = KnownPeople::default();
    let summary = summarize(&file, &Archives::default(), &mut known, &|_| {})?;
    let messages = RefCell::new(Vec::new());
    let channel = ChannelId::of(tenant(), summary.channel.platform_id);
    read(&file, &Archives::default(), channel, summary.exported_at, (&people(), &known), |batch| {
        assert!(batch.messages.len() <= BATCH && batch.byte <= summary.size_bytes);
        messages.borrow_mut().extend(batch.messages);
        true
    })?;
    let messages = messages.into_inner();
    assert_eq!(messages.len() as u64, summary.messages, "the looks do not agree");
    Ok((summary, messages))
}

/// A file with these messages as the exporter writes it: indented.
fn export(messages: &[Value]) -> String {
    let document = json!({
        "guild": {"id": "100", "name": "Guild", "iconUrl": "i"},
        "channel": {"id": "200", "type": "GuildTextChat", "categoryId": "300", "category": "Category",
            "name": "general", "topic": null},
        "dateRange": {"after": null, "before": null},
        "exportedAt": "2026-08-30T13:52:56.786566+03:00",
        "messages": messages,
        "messageCount": messages.len(),
    });
    serde_json::to_string_pretty(&document).unwrap()
}

fn plain(id: u64) -> Value {
    json!({"id": id.to_string(), "type": "Default", "timestamp": "2026-01-01T00:00:00+00:00", "content": "ä \"{[\\",
        "author": {"id": "7", "name": "n", "roles": [{"id": "1"}]}, "attachments": [], "mentions": []})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Checks a file that is cut after `kept` bytes of `text`: complete messages are kept.
fn is_cut_rightly(name: &str, bytes: &[u8], text: &str, kept: usize) {
    let object = |key: &str| {
        let from = text.find(&format!("\"{key}\": {{")).unwrap();
        from + text[from..].find("\n  }").unwrap() + "\n  }".len() <= kept
    };
    let complete = text
        .match_indices("\n    }")
        .filter(|(at, end)| *at > text.find("\"messages\"").unwrap() && at + end.len() <= kept);
    match read_bytes(name, bytes) {
        Err(SourceError::Format { reason, byte }) => {
            assert!(!(object("guild") && object("channel")), "{kept}: {reason}");
            assert_eq!(byte, kept as u64, "{reason}");
        }
        Err(other) => panic!("{kept}: {other}"),
        Ok((summary, messages)) => {
            assert_eq!(messages.len(), complete.count(), "{kept}");
            assert_eq!(summary.ids.map(|(_, high)| high), messages.last().map(|message| message.id));
            match summary.end {
                ExportEnd::Whole => assert_eq!(kept, text.len()),
                ExportEnd::Broken { byte, .. } => assert_eq!((byte, true), (kept as u64, kept < text.len())),
            }
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_keeps_the_messages_before() {
    let text = export(&[plain(1001), plain(1002), plain(1003)]);
    for kept in 0..=text.len() {
        is_cut_rightly("cut.json", &text.as_bytes()[..kept], &text, kept);
    }
}

#[test]
fn a_compressed_file_cut_at_any_byte_keeps_the_messages_before() {
    let text = export(&[plain(1001), plain(1002), plain(1003)]);
    let packed = gzip(text.as_bytes());
    for length in 0..=packed.len() {
        let mut kept = Vec::new();
        // The part of it that can be unpacked; the end of the stream is an error.
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..length]), &mut kept).ok();
        is_cut_rightly("cut.json.gz", &packed[..length], &text, kept.len());
    }
}

#[test]
fn messages_across_the_buffers_edges_are_read_once() {
    let long = |id: u64| {
        let mut message = plain(id);
        message["unknown"] = vec!["x".repeat(60_000); usize::try_from(id % 7).unwrap()].into();
        message
    };
    let messages: Vec<Value> = (1000..=1000 + 2 * BATCH as u64).map(long).collect();
    let (summary, read) = read_bytes("long.json", export(&messages).as_bytes()).unwrap();
    assert_eq!((summary.end, summary.order), (ExportEnd::Whole, MessageOrder::Ascending));
    assert!(read.iter().map(|message| message.id.get()).eq(1000..=1000 + 2 * BATCH as u64));
}

#[test]
fn a_message_that_is_no_json_costs_no_other() {
    let bad = [
        "{\"id\": \"5\", \"content\": \"\\ud800\"}",
        "{\"id\": \"5\", \"unknown\": 1e999}",
        "{\"id\": 5.5}",
        "{\"id\": -5}",
        "{\"id\": 18446744073709551616}",
        "{\"id\": \"0\"}",
        "{\"content\": \"no id\"}",
        "[{\"id\": \"5\"}]",
        "\"5\"",
        "null",
    ];
    let deep = format!("{{\"id\": \"5\", \"deep\": {}{}}}", "[".repeat(200), "]".repeat(200));
    for bad in bad.into_iter().chain([deep.as_str()]) {
        let text = export(&[plain(1), json!("here"), plain(9)]).replace("\"here\"", bad);
        let (summary, messages) = read_bytes("bad.json", text.as_bytes()).unwrap();
        assert_eq!((summary.end, messages.len(), summary.unreadable.len()), (ExportEnd::Whole, 2, 1), "{bad}");
        let list = text.find("\"messages\"").unwrap();
        assert_eq!(summary.unreadable[0].1, (list + text[list..].find(bad).unwrap()) as u64, "{bad}");
    }
    let mut invalid = export(&[plain(1), plain(2)]).replacen("ä", "??", 1).into_bytes();
    let at = invalid.iter().position(|byte| *byte == b'?').unwrap();
    invalid[at] = 0xff;
    let (summary, messages) = read_bytes("bad.json", &invalid).unwrap();
    assert_eq!((messages.len(), summary.unreadable.len()), (1, 1));
}

#[test]
fn what_is_no_export_is_told_from_one_that_is_broken() {
    for other in
        ["", "  ", "[]", "{}", "42", "null", "{\"a\": 1}", "<html>", "{\"guild\": {\"id\": \"1\"}}", "\u{feff}"]
    {
        let error = read_bytes("other.json", other.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("it is not an export of DiscordChatExporter: "), "{other}: {error}");
    }
    let whole = export(&[plain(1)]);
    let marked = [b"\xef\xbb\xbf", whole.as_bytes()].concat();
    assert_eq!(read_bytes("mark.json", &marked).unwrap().0.end, ExportEnd::Whole);
    let broken = |text: String| match read_bytes("broken.json", text.as_bytes()).unwrap().0.end {
        ExportEnd::Broken { reason, .. } => reason,
        ExportEnd::Whole => panic!("it counts as whole: {text}"),
    };
    assert!(broken(whole.clone() + "{}").contains("after the end"));
    assert!(broken(whole.replace("\"messages\":", "\"mess\":")).contains("no list of messages"));
    assert!(broken(format!("{whole}{}", " ".repeat(17 << 20))).contains("blank"));
    for (wrong, reason) in [
        (whole.replace("\"id\": \"100\"", "\"id\": \"guild\""), "the guild's id is invalid"),
        (whole.replace("\"id\": \"100\"", "\"id\": \"0\""), "which only direct messages have"),
        (whole.replace("\"id\": \"200\"", "\"id\": \"0\""), "the channel's id is invalid"),
    ] {
        let error = read_bytes("wrong.json", wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn the_order_of_the_messages_is_told() {
    for (ids, order) in [
        (vec![], MessageOrder::Ascending),
        (vec![5], MessageOrder::Ascending),
        (vec![5, 6, 9], MessageOrder::Ascending),
        (vec![9, 6, 5], MessageOrder::Descending),
        (vec![5, 9, 6], MessageOrder::Mixed),
        (vec![5, 5, 6], MessageOrder::Mixed),
        (vec![9, 5, 5], MessageOrder::Mixed),
    ] {
        let messages: Vec<Value> = ids.iter().copied().map(plain).collect();
        let (summary, _) = read_bytes("order.json", export(&messages).as_bytes()).unwrap();
        assert_eq!(summary.order, order, "{ids:?}");
    }
}

#[test]
fn a_reader_that_is_told_to_stop_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop.json");
    let messages: Vec<Value> = (1..=3 * BATCH as u64).map(plain).collect();
    std::fs::write(&path, export(&messages)).unwrap();
    let file = ExportFile { path, entry: None, stored_bytes: 0 };
    let summary = summarize(&file, &Archives::default(), &mut KnownPeople::default(), &|_| {}).unwrap();
    let batches = RefCell::new(0);
    let channel = ChannelId::of(tenant(), summary.channel.platform_id);
    read(&file, &Archives::default(), channel, summary.exported_at, (&people(), &KnownPeople::default()), |_| {
        *batches.borrow_mut() += 1;
        false
    })
    .unwrap();
    assert_eq!(*batches.borrow(), 1);
    assert_eq!(summary.channel.kind, ChannelKind::TEXT);
}

#[test]
fn large_messages_fill_a_batch_before_500_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.json");
    let large = |id: u64| {
        let mut message = plain(id);
        message["unknown"] = vec!["x".repeat(MAX_TEXT); BATCH_BYTES / 2 / MAX_TEXT].into();
        message
    };
    std::fs::write(&path, export(&(1..=5).map(large).collect::<Vec<_>>())).unwrap();
    let file = ExportFile { path, entry: None, stored_bytes: 0 };
    let summary = summarize(&file, &Archives::default(), &mut KnownPeople::default(), &|_| {}).unwrap();
    let sizes = RefCell::new(Vec::new());
    let channel = ChannelId::of(tenant(), summary.channel.platform_id);
    read(&file, &Archives::default(), channel, summary.exported_at, (&people(), &KnownPeople::default()), |batch| {
        sizes.borrow_mut().push(batch.messages.len());
        true
    })
    .unwrap();
    assert_eq!(sizes.into_inner(), [2, 2, 1]);
}
