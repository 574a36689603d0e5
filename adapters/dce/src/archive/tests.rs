use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use domain::channel::ChannelId;
use domain::pseudonym::{KnownPeople, PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use ports::source::{ExportEnd, ExportFile, ExportSummary, SourceError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Archives;
use crate::find::find;
use crate::read::read;
use crate::summary::summarize;

/// The bytes of an export of channel `channel` with two messages.
fn export(channel: u64) -> Vec<u8> {
    let message = |id: u64| serde_json::json!({"id": id.to_string(), "content": "a", "author": {"id": "7"}});
    let export = serde_json::json!({"guild": {"id": "5", "name": "G"},
        "channel": {"id": channel.to_string(), "type": "GuildTextChat", "name": "c"},
        "exportedAt": "2026-02-01T00:00:00Z", "messages": [message(channel + 1), message(channel + 2)]});
    serde_json::to_vec_pretty(&export).unwrap()
}

fn zip(path: &Path, entries: &[(&str, Vec<u8>)]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (index, (name, bytes)) in entries.iter().enumerate() {
        let method = if index % 2 == 0 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn look(file: &ExportFile, archives: &Archives) -> Result<ExportSummary, SourceError> {
    summarize(file, archives, &mut KnownPeople::default(), &|_| {})
}

/// The ids of the messages of a file.
fn ids(file: &ExportFile, archives: &Archives) -> Vec<u64> {
    let summary = look(file, archives).unwrap();
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("5").unwrap());
    let people = Pseudonymizer::new(&PseudonymKey::new([1; 32]), tenant);
    let channel = ChannelId::of(tenant, summary.channel.platform_id);
    let ids = RefCell::new(Vec::new());
    read(file, archives, channel, summary.exported_at, (&people, &KnownPeople::default()), |batch| {
        ids.borrow_mut().extend(batch.messages.iter().map(|message| message.id.get()));
        true
    })
    .unwrap();
    ids.into_inner()
}

#[test]
fn each_entry_is_read_by_itself_whatever_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.zip"), folder.path().join("two.zip"));
    let names = ["a.json", "b/c [part 2].json", "../../up.json", "/absolute.json", "C:\\drive.json"];
    let entries: Vec<_> = names.iter().zip(1..).map(|(name, number)| (*name, export(number * 100))).collect();
    zip(&one, &entries);
    zip(&two, &[("a.json", export(900))]);
    let archives = Archives::default();
    let found = find(&[folder.path().to_owned()], &archives);
    assert!(found.failed.is_empty() && found.files.iter().all(|file| file.stored_bytes > 50));
    let mut channels: Vec<u64> = found.files.iter().map(|file| ids(file, &archives)[0] / 100).collect();
    channels.sort_unstable();
    assert_eq!(channels, [1, 2, 3, 4, 5, 9]);
    assert_eq!(found.files.iter().map(|file| ids(file, &archives).len()).collect::<Vec<_>>(), [2; 6]);
    let beside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "nothing is unpacked: {beside:?}");
}

#[test]
fn a_zip_that_was_replaced_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, archives) = (folder.path().join("a.zip"), Archives::default());
    for channel in [100, 200] {
        zip(&path, &[("a.json", export(channel))]);
        let found = find(std::slice::from_ref(&path), &archives);
        assert_eq!(ids(&found.files[0], &archives), [channel + 1, channel + 2]);
    }
}

#[test]
fn a_damaged_entry_keeps_what_was_before_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (path, archives) = (folder.path().join("a.zip"), Archives::default());
    zip(&path, &[("a.json", export(100)), ("b.json", export(200))]);
    let mut bytes = std::fs::read(&path).unwrap();
    let stored = export(200);
    let at = bytes.windows(stored.len()).position(|window| window == stored).unwrap();
    let second = at + String::from_utf8(stored).unwrap().find("\"202\"").unwrap();
    bytes[second] = b'?';
    std::fs::write(&path, bytes).unwrap();
    let found = find(&[path], &archives);
    let summary = look(&found.files[1], &archives).unwrap();
    assert!(matches!(summary.end, ExportEnd::Broken { .. }) || !summary.unreadable.is_empty(), "{summary:?}");
    assert_eq!(ids(&found.files[1], &archives), [201]);
    assert_eq!(ids(&found.files[0], &archives), [101, 102]);
}

#[test]
fn a_bomb_ends_in_an_error_and_not_in_memory_or_time() {
    let folder = tempfile::tempdir().unwrap();
    let (path, archives) = (folder.path().join("bomb.zip"), Archives::default());
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let bombs: [(&str, &[u8], u8); 3] =
        [("blank.json", b"", b' '), ("text.json", b"{\"guild\": \"", b'x'), ("list.json", b"{\"guild\": ", b'[')];
    for (name, head, filling) in bombs {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(head).unwrap();
        for _ in 0..64 {
            zip.write_all(&vec![filling; 1 << 20]).unwrap();
        }
    }
    zip.start_file("fields.json", SimpleFileOptions::default()).unwrap();
    let field = format!("\"a\": \"{}\", ", "x".repeat(1 << 20));
    zip.write_all(b"{").unwrap();
    for _ in 0..64 {
        zip.write_all(field.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    assert!(path.metadata().unwrap().len() < 1 << 20);
    let found = find(&[path], &archives);
    assert_eq!(found.files.len(), 4);
    for file in &found.files {
        let SourceError::Format { reason, byte } = look(file, &archives).unwrap_err() else { panic!("it can be read") };
        assert!(reason.starts_with("it is not an export of DiscordChatExporter: "), "{reason}");
        let bounded = ["blank", "fields"].iter().any(|name| file.entry.as_ref().unwrap().starts_with(name));
        assert_eq!(byte < 40 << 20, bounded, "{reason}");
    }
}
