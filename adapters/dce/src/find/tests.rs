use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ports::source::{ExportPart, Found, SourceError};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{NO_FILE, part};
use crate::archive::Archives;

fn find(paths: &[PathBuf]) -> Found {
    super::find(paths, &Archives::default())
}

/// The files that are found under a folder, without the folder.
fn found_in(folder: &Path, found: &Found) -> Vec<String> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
    let entry = |entry: &Option<String>| entry.as_ref().map_or_else(String::new, |entry| format!("!/{entry}"));
    found.files.iter().map(|file| name(&file.path) + &entry(&file.entry)).collect()
}

fn write(folder: &Path, names: &[&str]) {
    for name in names {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{\"guild\":").unwrap();
    }
}

fn zip(path: &Path, entries: &[&str]) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for entry in entries {
        zip.start_file(*entry, SimpleFileOptions::default()).unwrap();
        zip.write_all(b"{\"guild\":").unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn a_tree_is_walked_in_the_order_of_names_and_part_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &["b.json", "a [part 10].json", "a [part 2].json", "a.json", "deep/er/c.JSON.gz", "x.txt", "y.html"],
    );
    let found = find(&[folder.path().to_owned()]);
    assert_eq!(
        found_in(folder.path(), &found),
        ["a.json", "a [part 2].json", "a [part 10].json", "b.json", "deep/er/c.JSON.gz"]
    );
    assert!(found.failed.is_empty());
    let twice = find(&[folder.path().to_owned(), folder.path().join("b.json")]);
    assert_eq!(twice.files, found.files, "what is named twice is found once");
}

#[test]
fn what_lies_beside_an_export_is_none() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &["a.json", "a.json_Files/config-1B2C3.json", "._a.json", "media/added-facts.json"]);
    for (name, text) in
        [("v1.2-1B2C3.json", "{}"), ("data-0123456789abcdef.json", "[1]"), ("pack-0a1b2.json.gz", "no gzip")]
    {
        fs::write(folder.path().join("media").join(name), text).unwrap();
    }
    write(folder.path(), &["my-added.json"]);
    zip(
        &folder.path().join("z.zip"),
        &["a.json", "__MACOSX/._a.json", "b/a.json_Files/x.json", "b\\c.json_Files\\x.json", "n.zip"],
    );
    let found = find(&[folder.path().to_owned()]);
    assert_eq!(found_in(folder.path(), &found), ["a.json", "my-added.json", "z.zip!/a.json", "media/added-facts.json"]);
    assert!(found.failed.is_empty(), "{:?}", found.failed);
}

#[test]
fn what_cannot_be_an_export_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(folder.path(), &["a.json", "no.zip"]);
    assert!(std::process::Command::new("mkfifo").arg(path("fifo.json")).status().unwrap().success());
    symlink(folder.path(), path("circle")).unwrap();
    symlink("gone.json", path("dangling.json")).unwrap();
    symlink("self.json", path("self.json")).unwrap();
    symlink("/dev/zero", path("zeros.json")).unwrap();
    let found = find(&[folder.path().to_owned(), path("missing"), path("fifo.json")]);
    let failed: Vec<(&str, String)> = found
        .failed
        .iter()
        .map(|(file, error)| (file.path.file_name().unwrap().to_str().unwrap(), error.to_string()))
        .collect();
    let reason = |name: &str| {
        &failed.iter().find(|(failed, _)| *failed == name).unwrap_or_else(|| panic!("{name}: {failed:?}")).1
    };
    assert_eq!(reason("fifo.json"), NO_FILE);
    assert_eq!(reason("zeros.json"), NO_FILE);
    assert_eq!(reason("circle"), "a link leads in a circle");
    assert!(reason("no.zip").starts_with("it is not a ZIP file, or only a part of one: copy it again ("));
    for name in ["dangling.json", "self.json", "missing"] {
        assert_eq!(reason(name), "cannot be read");
    }
    assert_eq!(found_in(folder.path(), &found), ["a.json"]);
    assert!(found.failed.iter().any(|(_, error)| matches!(error, SourceError::Io(_))));
}

#[test]
fn parts_share_their_folder_and_name() {
    let file = |path: &str, entry: Option<&str>| ports::source::ExportFile {
        path: PathBuf::from(path),
        entry: entry.map(str::to_owned),
        stored_bytes: 0,
    };
    for (path, entry, of, number) in [
        ("a/c.json", None, "a/c", 1),
        ("a/c [part 2].json", None, "a/c", 2),
        ("a/c [part 12].JSON.GZ", None, "a/c", 12),
        ("a/c (after 2026-01-01) [part 3].json", None, "a/c (after 2026-01-01)", 3),
        ("a/c [part x].json", None, "a/c [part x]", 1),
        ("a/c-part-2.json", None, "a/c", 2),
        ("a/c-part-two.json", None, "a/c-part-two", 1),
        ("a/c [part 2] old.json", None, "a/c [part 2] old", 1),
        ("a/[part 2].json", None, "a/[part 2]", 1),
        ("a.zip", Some("b/c [part 2].json"), "a.zip!/b/c", 2),
        ("é", None, "é", 1),
    ] {
        assert_eq!(part(&file(path, entry)), ExportPart { of: of.to_owned(), number }, "{path}");
    }
}
