use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// Reads at most 100 bytes of a file.
fn found(file: &ExportFile, path: &str) -> Result<String, FetchError> {
    let (bytes, opened) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let send = |piece: Bytes| {
        bytes.lock().unwrap().extend_from_slice(&piece);
        true
    };
    let stores = (&Archives::default(), &Names::default());
    let outcome = read(file, path, 100, stores, || opened.store(true, Relaxed), &send);
    assert!(opened.load(Relaxed) || outcome.is_err());
    outcome.map(|()| String::from_utf8(bytes.into_inner().unwrap()).unwrap())
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn export(root: &Path) -> ExportFile {
    ExportFile { path: root.join("general.json"), entry: None, stored_bytes: 1 }
}

#[test]
fn a_file_beside_an_export_is_found_however_its_path_is_written() {
    let root = TempDir::new().unwrap();
    write(
        root.path(),
        &[
            ("general.json_Files/lamp-0123456789abcdef.png", "lamp"),
            ("general.json_Files/notes-FEDCBA9876543210.txt", "notes"),
            ("general.json_Files/Große Ärger-0A0A0.TXT", "umlauts"),
            ("general.json_Files/100%25-0A0A0.txt", "encoded on disk"),
            ("general.json_Files/deep/er/a.txt", "deep"),
            ("media/lamp-0123456789abcdef.png", "elsewhere"),
        ],
    );
    let export = export(root.path());
    for (path, text) in [
        ("general.json_Files/lamp-0123456789abcdef.png", "lamp"),
        ("general.json_Files\\lamp-0123456789ABCDEF.png", "lamp"),
        ("GENERAL.JSON_FILES/notes-fedcba9876543210.txt", "notes"),
        ("./general.json_Files//notes-fedcba9876543210.txt", "notes"),
        ("general.json_Files/große%20ärger-0a0a0.txt", "umlauts"),
        ("general.json_Files%5Cgroße ärger-0a0a0.txt", "umlauts"),
        ("general.json_Files/100%25-0A0A0.txt", "encoded on disk"),
        ("general.json_Files/deep/ER/A.txt", "deep"),
        ("media/lamp-0123456789abcdef.png", "elsewhere"),
    ] {
        assert_eq!(found(&export, path).as_deref(), Ok(text), "{path}");
    }
}

#[test]
fn a_path_that_leads_elsewhere_finds_nothing() {
    let root = TempDir::new().unwrap();
    let files = [
        ("secret-0123456789abcdef.txt", "secret"),
        ("x/secret_Files/secret.txt", "secret"),
        ("x/taxes/2025.pdf", "secret"),
        ("x/.ssh/id_rsa", "secret"),
        ("x/general.json_Files/a.txt", "a"),
        ("x/general.json_Files/large.txt", &"l".repeat(101)),
    ];
    write(root.path(), &files);
    let inside = root.path().join("x/general.json_Files");
    symlink(root.path().join("secret-0123456789abcdef.txt"), inside.join("out.txt")).unwrap();
    symlink("../taxes", inside.join("folder")).unwrap();
    symlink("circle.txt", inside.join("circle.txt")).unwrap();
    symlink("nowhere.txt", inside.join("nowhere.txt")).unwrap();
    symlink("a.txt", inside.join("within.txt")).unwrap();
    symlink(root.path().join("x/.ssh"), root.path().join("x/linked_Files")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(inside.join("fifo.txt")).status().unwrap().success());
    let export = export(&root.path().join("x"));
    let absolute = root.path().join("x/secret_Files/secret.txt");
    for path in [
        absolute.to_str().unwrap(),
        "../secret-0123456789abcdef.txt",
        "general.json_Files/../../secret-0123456789abcdef.txt",
        "general.json_Files\\..\\..\\secret-0123456789abcdef.txt",
        "general.json_Files/%2e%2e/%2E%2E/secret-0123456789abcdef.txt",
        "%2e%2e/secret-0123456789abcdef.txt",
        "%2Fetc%2Fx_Files%2Fpasswd",
        "C:\\x_Files\\secret.txt",
        "c:x_Files/secret.txt",
        "\\\\host\\share_Files\\secret.txt",
        "//host/share_Files/secret.txt",
        "file:///x_Files/secret.txt",
        "taxes/2025.pdf",
        ".ssh/id_rsa",
        "linked_Files/id_rsa",
        "general.json",
        "general.json_Files",
        "general.json_Files/",
        "general.json_Files/out.txt",
        "general.json_Files/folder/2025.pdf",
        "general.json_Files/circle.txt",
        "general.json_Files/nowhere.txt",
        "general.json_Files/fifo.txt",
        "general.json_Files/missing.txt",
        "general.json_Files/a.txt/a.txt",
        "general.json_Files/\0",
        "",
    ] {
        assert_eq!(found(&export, path), Err(FetchError::Gone), "{path}");
    }
    assert_eq!(found(&export, "general.json_Files/within.txt").as_deref(), Ok("a"), "a link inside the folder");
    assert_eq!(found(&export, "general.json_Files/large.txt"), Err(FetchError::TooLarge));
}

#[test]
fn a_file_beside_an_export_in_a_zip_file_is_found_there() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("backup.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let large = "l".repeat(101);
    for (name, text) in [
        ("general.json", "{}"),
        ("general.json_Files/lamp-0A0A0.png", "top"),
        ("backup/2026/general.json", "{}"),
        ("backup/2026/General.json_Files\\lamp-0A0A0.png", "nested"),
        ("backup/2026/general.json_Files/a b-0B0B0.txt", "blank"),
        ("backup/2026/general.json_Files/large.txt", &large),
        ("secret-0C0C0.txt", "secret"),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.add_symlink("backup/2026/general.json_Files/link.txt", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    write(root.path(), &[("general.json_Files/outside.txt", "outside")]);
    let inside = |entry: &str| ExportFile { path: path.clone(), entry: Some(entry.to_owned()), stored_bytes: 1 };
    let (top, nested) = (inside("general.json"), inside("backup/2026/general.json"));
    assert_eq!(found(&top, "general.json_Files/LAMP-0a0a0.png").as_deref(), Ok("top"));
    for (path, expected) in [
        ("general.json_Files/lamp-0a0a0.png", Ok("nested")),
        ("general.json_Files\\lamp-0A0A0.png", Ok("nested")),
        ("general.json_Files/a%20b-0b0b0.txt", Ok("blank")),
        ("general.json_Files/large.txt", Err(FetchError::TooLarge)),
        ("general.json_Files/link.txt", Err(FetchError::Gone)),
        ("general.json_Files/outside.txt", Err(FetchError::Gone)),
        ("general.json_Files/../../../secret-0C0C0.txt", Err(FetchError::Gone)),
        ("../../secret-0C0C0.txt", Err(FetchError::Gone)),
    ] {
        assert_eq!(found(&nested, path), expected.map(str::to_owned), "{path}");
    }
}
