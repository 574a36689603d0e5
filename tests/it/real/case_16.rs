//! Files stored next to an export.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::program::{ADMIN_KEY, Installation, Server};
use crate::server::Database;

/// The text that no case may store.
const SECRET: &str = "a secret of the operator";

fn input() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/real/16-files-beside-the-export")
}

/// Returns every file below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn media(installation: &Installation) -> Vec<PathBuf> {
    files(&installation.path("data/media"))
}

/// Returns the attachments of all messages, as the API shows them.
fn attachments(server: &Server) -> Vec<Value> {
    let page = server.get("/api/v1/tenants/lantern-works/channels/general/messages").json();
    let items = page["items"].as_array().unwrap().iter();
    items.flat_map(|message| message["attachments"].as_array().unwrap().clone()).collect()
}

fn states(server: &Server) -> Vec<String> {
    attachments(server).iter().map(|file| file["state"].as_str().unwrap().to_owned()).collect()
}

/// Writes an export of one message with these attachments: id and path.
fn export(folder: &Path, paths: &[(u64, &str)]) {
    let mut export: Value = serde_json::from_slice(&fs::read(input().join("general.json")).unwrap()).unwrap();
    let attachment =
        |(id, path): &(u64, &str)| json!({"id": id.to_string(), "url": path, "fileName": "a.txt", "fileSizeBytes": 5});
    export["messages"][0]["attachments"] = paths.iter().map(attachment).collect();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
}

/// Asserts that both files of the case are stored, shown and served.
fn assert_served(installation: &Installation) {
    let server = installation.serve(&[]);
    let shown = attachments(&server);
    let read = |name: &str| fs::read(input().join("general.json_Files").join(name)).unwrap();
    let expected = [("lamp.png", read("lamp-0123456789abcdef.png")), ("notes.txt", read("notes-FEDCBA9876543210.txt"))];
    for (file, (name, bytes)) in shown.iter().zip(expected) {
        assert_eq!((&file["filename"], &file["state"]), (&json!(name), &json!("stored")));
        let path = file["url"].as_str().unwrap();
        assert!(path.starts_with("/lantern-works/files/"), "{path}");
        let answer = server.get(path);
        assert_eq!((answer.status, &answer.body), (200, &bytes), "{path}");
        for (header, value) in [
            ("content-security-policy", "sandbox"),
            ("cache-control", "public, no-cache"),
            ("accept-ranges", "bytes"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(header), Some(value));
        }
        let known = format!("If-None-Match: {}\r\n", answer.header("etag").unwrap());
        assert_eq!(server.request("GET", path, &known, b"").status, 304);
        let part = server.request("GET", path, "Range: bytes=1-3\r\n", b"");
        assert_eq!((part.status, &part.body[..]), (206, &bytes[1..=3]));
    }
    let page = server.get("/lantern-works/general").text();
    let [lamp, notes] = [0, 1].map(|file| shown[file]["url"].as_str().unwrap());
    assert!(page.contains(&format!("src=\"{lamp}\"")) && page.contains(&format!("href=\"{notes}\"")), "{page}");
    for path in media(installation) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    assert_eq!(media(installation).len(), 2);
}

#[test]
fn case_16_files_beside_an_export_are_stored_and_served() {
    let installation = Installation::new();
    for _ in 0..2 {
        let (code, report) = installation.import(&[&input()], &[]);
        assert_eq!(code, 0, "{report}");
        assert_served(&installation);
    }
    let (_, again) = installation.import(&[&input()], &[]);
    assert_eq!(again["files"][0]["status"], "unchanged");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn case_16_files_beside_an_export_are_stored_and_served_on_a_server() {
    let database = Database::new().await;
    let installation = Installation::at(&database.address());
    let stored = tokio::task::spawn_blocking(move || {
        let (code, report) = installation.import(&[&input()], &[]);
        assert_eq!(code, 0, "{report}");
        assert_served(&installation);
    });
    stored.await.unwrap();
}

#[test]
fn case_16_files_beside_an_export_in_a_zip_file_are_stored_and_served() {
    for prefix in ["", "backup/2026/", "backup\\2026\\"] {
        let installation = Installation::new();
        let path = installation.path("export.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for file in files(&input()) {
            let name = file.strip_prefix(input()).unwrap().to_str().unwrap().to_owned();
            zip.start_file(format!("{prefix}{name}"), SimpleFileOptions::default()).unwrap();
            zip.write_all(&fs::read(file).unwrap()).unwrap();
        }
        zip.finish().unwrap();
        let (code, report) = installation.import(&[&path], &[]);
        assert_eq!(code, 0, "{prefix}: {report}");
        assert_served(&installation);
    }
}

#[test]
fn case_16_a_dry_run_stores_no_file() {
    let installation = Installation::new();
    let (code, report) = installation.import(&[&input()], &["--dry-run"]);
    assert_eq!((code, media(&installation).len()), (0, 0), "{report}");
}

/// Returns the standard output of a command.
fn printed(installation: &Installation, arguments: &[&str]) -> String {
    String::from_utf8(installation.run(arguments).stdout).unwrap()
}

#[test]
fn case_16_a_dry_run_counts_the_files_that_an_import_would_store() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    let copies = folder.join("general.json_Files");
    let [first, second, lost] = ["a-0A0A0.txt", "b-0B0B0.txt", "c-0C0C0.txt"].map(|name| (name, copies.join(name)));
    let paths = [first.0, second.0, lost.0].map(|name| format!("general.json_Files/{name}"));
    export(&folder, &[(1, &paths[0]), (2, &paths[1]), (3, &paths[2])]);
    fs::create_dir(&copies).unwrap();
    fs::write(first.1, "first").unwrap();
    fs::write(second.1, "the second").unwrap();
    let path = folder.to_str().unwrap();
    let would = printed(&installation, &["import", "--dry-run", path]);
    let line = "files: 2 stored (15 B), 1 not beside the export";
    assert!(would.contains(line), "{would}");
    assert!(printed(&installation, &["import", path]).contains(line), "an import says the same");
    assert_eq!(media(&installation).len(), 2);
    // The lost file is found, and a newer export shows the same message.
    fs::write(lost.1, "third").unwrap();
    let newer = folder.join("newer");
    fs::create_dir(&newer).unwrap();
    let text = fs::read_to_string(folder.join("general.json")).unwrap();
    fs::write(newer.join("general.json"), text).unwrap();
    fs::create_dir(newer.join("general.json_Files")).unwrap();
    fs::copy(copies.join("c-0C0C0.txt"), newer.join("general.json_Files/c-0C0C0.txt")).unwrap();
    let would = printed(&installation, &["import", "--dry-run", path]);
    assert!(would.contains("files: 1 stored (5 B), 2 unchanged"), "{would}");
    assert!(would.contains("files: 3 unchanged"), "no file is counted twice: {would}");
    let done = printed(&installation, &["import", path]);
    assert!(done.contains("files: 1 stored (5 B), 2 unchanged") && done.contains("files: 3 unchanged"), "{done}");
    assert!(!printed(&installation, &["import", "--dry-run", path]).contains("stored ("), "all is stored");
}

#[test]
fn case_16_a_missing_file_is_gone_until_an_import_finds_it() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    let copies = folder.join("general.json_Files");
    export(&folder, &[(1, "general.json_Files/a-0A0A0.txt"), (2, "general.json_Files/b-0B0B0.txt")]);
    fs::create_dir(&copies).unwrap();
    fs::write(copies.join("a-0A0A0.txt"), "first").unwrap();
    let (code, report) = installation.import(&[&folder], &[]);
    assert_eq!(code, 0, "{report}");
    {
        let server = installation.serve(&[]);
        assert_eq!(states(&server), ["stored", "gone"]);
        assert!(server.get("/lantern-works/general").text().contains("no longer there"));
    }
    fs::write(copies.join("b-0B0B0.txt"), "later").unwrap();
    installation.import(&[&folder], &[]);
    let server = installation.serve(&[]);
    assert_eq!(states(&server), ["stored", "stored"]);
    let path = attachments(&server)[1]["url"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&path).text(), "later");
}

#[test]
fn case_16_a_stored_file_that_is_lost_is_stored_by_the_next_import() {
    let installation = Installation::new();
    installation.import(&[&input()], &[]);
    let server = installation.serve(&[]);
    let path = attachments(&server)[0]["url"].as_str().unwrap().to_owned();
    for file in media(&installation) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(server.get(&path).status, 404);
    while states(&server)[0] == "stored" {}
    assert_eq!(states(&server), ["gone", "stored"]);
    installation.import(&[&input()], &[]);
    assert_eq!((server.get(&path).status, states(&server)), (200, vec!["stored".to_owned(); 2]));
}

#[test]
fn case_16_paths_that_lead_out_are_not_followed() {
    let installation = Installation::new();
    let folder = installation.path("exports/here");
    let copies = folder.join("general.json_Files");
    fs::create_dir_all(&copies).unwrap();
    let secret = installation.path("exports/secret-0123456789abcdef.txt");
    fs::write(&secret, SECRET).unwrap();
    fs::create_dir(installation.path("exports/out_Files")).unwrap();
    fs::write(installation.path("exports/out_Files/secret.txt"), SECRET).unwrap();
    fs::create_dir(folder.join("letters")).unwrap();
    fs::write(folder.join("letters/secret.txt"), SECRET).unwrap();
    symlink(&secret, copies.join("link.txt")).unwrap();
    symlink(installation.path("exports/out_Files"), folder.join("linked_Files")).unwrap();
    let absolute = secret.to_str().unwrap();
    let paths = [
        absolute,
        "../secret-0123456789abcdef.txt",
        "..\\out_Files\\secret.txt",
        "general.json_Files/../../out_Files/secret.txt",
        "general.json_Files/%2e%2e/%2e%2e/out_Files/secret.txt",
        "general.json_Files%2F..%2F..%2Fout_Files%2Fsecret.txt",
        "general.json_Files/link.txt",
        "linked_Files/secret.txt",
        "letters/secret.txt",
        "C:\\out_Files\\secret.txt",
        "\\\\host\\out_Files\\secret.txt",
    ];
    let paths: Vec<_> = (1..).zip(paths).collect();
    export(&folder, &paths);
    let (code, report) = installation.import(&[&folder], &[]);
    assert_eq!((code, media(&installation)), (0, Vec::new()), "{report}");
    let server = installation.serve(&[]);
    assert_eq!(states(&server), vec!["gone"; paths.len()]);
    assert!(!server.get("/lantern-works/general").text().contains("/files/"));
}

#[test]
fn case_16_a_file_beyond_the_limit_is_not_stored() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    export(&folder, &[(1, "general.json_Files/a.txt"), (2, "general.json_Files/b.txt")]);
    fs::create_dir(folder.join("general.json_Files")).unwrap();
    fs::write(folder.join("general.json_Files/a.txt"), vec![0; (1 << 20) + 1]).unwrap();
    fs::write(folder.join("general.json_Files/b.txt"), vec![0; 1 << 20]).unwrap();
    let mut command = installation.command(&["import", folder.to_str().unwrap()]);
    let output = command.env("MEDIA_FILE_MIB", "1").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("files: 1 stored (1.00 MiB), 1 larger than MEDIA_FILE_MIB"),
        "{said}"
    );
    {
        let server = installation.serve(&[]);
        assert_eq!(states(&server), ["elsewhere", "stored"]);
    }
    installation.import(&[&folder], &[]);
    assert_eq!(states(&installation.serve(&[])), ["stored", "stored"], "with a higher limit");
}

#[test]
fn case_16_an_export_without_files_changes_nothing_of_stored_ones() {
    let installation = Installation::new();
    let later = installation.path("later");
    export(
        &later,
        &[
            (1_235_168_840_908_800_007, "https://cdn.discordapp.com/attachments/1/2/lamp.png"),
            (5, "https://x.test/b.txt"),
        ],
    );
    let text = fs::read_to_string(later.join("general.json")).unwrap().replace("2025-11-01", "2025-12-01");
    fs::write(later.join("general.json"), text).unwrap();
    for first in [&input(), &later] {
        let installation = Installation::new();
        for folder in [first, &input(), &later] {
            let (code, report) = installation.import(&[folder], &[]);
            assert_eq!(code, 0, "{report}");
        }
        assert_eq!(states(&installation.serve(&[])), ["stored", "elsewhere"]);
    }
}

#[test]
fn case_16_pictures_of_people_are_not_stored() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    fs::create_dir_all(folder.join("general.json_Files")).unwrap();
    export(&folder, &[(1, "general.json_Files/a.txt")]);
    let mut export: Value = serde_json::from_slice(&fs::read(folder.join("general.json")).unwrap()).unwrap();
    export["messages"][0]["author"]["avatarUrl"] = json!("general.json_Files/avatar-0A0A0.png");
    export["guild"]["iconUrl"] = json!("general.json_Files/icon-0A0A0.png");
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
    for name in ["a.txt", "avatar-0A0A0.png", "icon-0A0A0.png"] {
        fs::write(folder.join("general.json_Files").join(name), name).unwrap();
    }
    installation.import(&[&folder], &[]);
    let stored: Vec<_> = media(&installation).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    assert_eq!(stored, ["a.txt"]);
}

#[test]
fn case_16_a_file_whose_name_has_the_id_of_a_person_is_found_and_the_id_is_not_stored() {
    const ID: &str = "123456789012345678";
    let installation = Installation::new();
    let folder = installation.path("exports");
    let name = format!("rank-{ID}.png");
    export(&folder, &[(1, &format!("general.json_Files/{name}")), (2, "general.json_Files/a.txt")]);
    fs::create_dir_all(folder.join("general.json_Files")).unwrap();
    fs::write(folder.join("general.json_Files").join(name), "rank").unwrap();
    fs::write(folder.join("general.json_Files/a.txt"), "a").unwrap();
    for _ in 0..2 {
        let (code, report) = installation.import(&[&folder], &[]);
        assert_eq!(code, 0, "{report}");
    }
    {
        let server = installation.serve(&[]);
        let stored = attachments(&server);
        assert_eq!(states(&server), ["stored", "stored"]);
        assert_eq!(server.get(stored[0]["url"].as_str().unwrap()).text(), "rank");
    }
    for path in files(&installation.path("data")) {
        let bytes = fs::read(&path).unwrap();
        let is_there = memchr::memmem::find(&bytes, ID.as_bytes()).is_some() || path.to_str().unwrap().contains(ID);
        assert!(!is_there, "{}", path.display());
    }
}

/// Writes an export of `count` messages with a file each.
fn many(folder: &Path, count: u64) {
    let mut export: Value = serde_json::from_slice(&fs::read(input().join("general.json")).unwrap()).unwrap();
    let first = export["messages"][0].clone();
    let copies = folder.join("general.json_Files");
    fs::create_dir_all(&copies).unwrap();
    let message = |place: u64| {
        let mut message = first.clone();
        message["id"] = json!((1_235_168_840_908_800_000 + place * 100).to_string());
        message["attachments"] = json!([{"id": (place + 1).to_string(), "fileName": "a.bin", "fileSizeBytes": 9,
            "url": format!("general.json_Files/{place}.bin")}]);
        fs::write(copies.join(format!("{place}.bin")), vec![u8::try_from(place % 251).unwrap(); 100_000]).unwrap();
        message
    };
    export["messages"] = (0..count).map(message).collect();
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
}

#[test]
fn case_16_a_killed_import_is_finished_by_the_next_and_leaves_nothing_half() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    many(&folder, 200);
    for _ in 0..3 {
        let mut child = installation.command(&["import", folder.to_str().unwrap()]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (code, report) = installation.import(&[&folder], &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(media(&installation).len(), 200, "nothing is left in incoming");
    assert_eq!(states(&installation.serve(&[])), vec!["stored"; 50]);
}

#[test]
fn case_16_files_go_with_their_community() {
    let installation = Installation::new();
    installation.import(&[&input()], &[]);
    assert_eq!(media(&installation).len(), 2);
    assert!(installation.run(&["tenant", "delete", "lantern-works"]).status.success());
    assert_eq!(media(&installation), Vec::<PathBuf>::new());
}

#[test]
fn case_16_files_of_a_private_channel_are_for_the_admin_alone() {
    let installation = Installation::new();
    installation.import(&[&input()], &[]);
    let path = attachments(&installation.serve(&[]))[0]["url"].as_str().unwrap().to_owned();
    installation.import(&[&input()], &["--visibility", "private"]);
    let server = installation.serve(&[]);
    assert_eq!(server.get(&path).status, 404);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let answer = server.request("GET", &path, &key, b"");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
}

#[test]
fn case_16_a_media_folder_that_cannot_be_written_is_told() {
    let installation = Installation::new();
    fs::create_dir_all(installation.path("data")).unwrap();
    fs::write(installation.path("data/media"), "a file is in the way").unwrap();
    let (code, report) = installation.import(&[&input()], &[]);
    let file = &report["files"][0];
    assert_eq!((code, &file["status"], &file["added"]), (1, &json!("partial"), &json!(1)), "{file}");
    assert!(file["error"].as_str().unwrap().contains("media folder"), "{file}");
    fs::remove_file(installation.path("data/media")).unwrap();
    let (code, report) = installation.import(&[&input()], &[]);
    assert_eq!(code, 0, "{report}");
    assert_served(&installation);
}
