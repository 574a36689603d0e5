//! Files of messages whose bytes, names and types differ, and pictures, as readers see them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Answer, Installation, Server};

/// The export that these cases change.
const EXPORT: &str = "../../tests/it/real/16-files-beside-the-export/general.json";

/// Imports one message with these files beside its export: name and bytes.
fn imported(files: &[(&str, &[u8])]) -> Installation {
    let installation = Installation::new();
    let export = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXPORT)).unwrap();
    let mut export: Value = serde_json::from_slice(&export).unwrap();
    let folder = installation.path("export");
    fs::create_dir_all(folder.join("general.json_Files")).unwrap();
    let attachments = (1..).zip(files).map(|(id, (name, bytes))| {
        let path = format!("general.json_Files/{name}");
        fs::write(folder.join(&path), bytes).unwrap();
        json!({"id": id.to_string(), "url": path, "fileName": name, "fileSizeBytes": bytes.len()})
    });
    export["messages"][0]["attachments"] = attachments.collect();
    fs::write(folder.join("general.json"), export.to_string()).unwrap();
    let (code, report) = installation.import(&[&folder], &[]);
    assert_eq!(code, 0, "{report}");
    installation
}

/// Returns the attachments of the message, as the API shows them.
fn attachments(server: &Server) -> Vec<Value> {
    let page = server.get("/api/v1/tenants/lantern-works/channels/general/messages").json();
    page["items"].as_array().unwrap().iter().flat_map(|one| one["attachments"].as_array().unwrap().clone()).collect()
}

/// Returns the path of a file.
fn path(file: &Value) -> &str {
    file["url"].as_str().unwrap()
}

/// Asserts that browsers save a response, whatever is in it.
fn assert_saved(answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")));
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment; "));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("sandbox"));
}

#[test]
fn a_file_is_shown_as_its_bytes_and_not_as_its_name() {
    let html = b"<!DOCTYPE html><script>alert(document.domain)</script>";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";
    let installation = imported(&[("page.png", html), ("drawing.svg", svg), ("drawing.gif", svg), ("photo.png", jpeg)]);
    let server = installation.serve(&[]);
    let files = attachments(&server);
    for file in &files[..3] {
        assert_saved(&server.get(path(file)));
    }
    let photo = server.get(path(&files[3]));
    assert_eq!((photo.status, photo.header("content-type")), (200, Some("image/jpeg")));
    let page = server.get("/lantern-works/general").text();
    let shown: Vec<_> = files.iter().map(|file| page.contains(&format!("src=\"{}\"", path(file)))).collect();
    assert_eq!(shown, [false, false, false, true], "{page}");
}
