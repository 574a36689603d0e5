//! Processes that have only the archive and a bucket in common.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bucket::{Bucket, Fault, KEY_ID, SECRET};
use crate::program::{ADMIN_KEY, Answer, Installation, Server};

/// The time after which a deletion that was resumed has ended.
const LATE: Duration = Duration::from_mins(1);

fn with_bucket(command: &mut Command, bucket: &Bucket) {
    command.env("MEDIA_URL", bucket.url());
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
}

fn run(installation: &Installation, bucket: &Bucket, arguments: &[&str]) -> (i32, String, String) {
    let mut command = installation.command(arguments);
    with_bucket(&mut command, bucket);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// An archive whose files one process imported into a bucket.
fn imported(bucket: &Bucket) -> Installation {
    let installation = Installation::new();
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/it/real/16-files-beside-the-export");
    let (code, _, error) = run(&installation, bucket, &["import", input.to_str().unwrap()]);
    assert_eq!(code, 0, "{error}");
    assert!(!installation.path("data/media").exists(), "no file is on this disk");
    installation
}

/// Starts a process for readers, in a folder of its own.
fn serve(installation: &Installation, bucket: &Bucket) -> Server {
    std::fs::create_dir_all(installation.path("web")).unwrap();
    installation.serve_with(&["--role", "web"], |command| {
        with_bucket(command, bucket);
        command.current_dir(installation.path("web"));
    })
}

fn attachment(server: &Server) -> Value {
    let page = server.get("/api/v1/tenants/lantern-works/channels/general/messages").json();
    let items = page["items"].as_array().unwrap().iter();
    items
        .flat_map(|item| item["attachments"].as_array().unwrap())
        .find(|file| file["state"] == "stored")
        .unwrap()
        .clone()
}

fn request(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    server.request(method, path, headers, b"")
}

#[test]
fn a_file_that_one_process_stored_is_served_by_another_and_goes_with_its_community() {
    let bucket = Bucket::new();
    let installation = imported(&bucket);
    assert!(bucket.objects().len() > 1);
    let server = serve(&installation, &bucket);
    let file = attachment(&server);
    let (path, size) = (file["url"].as_str().unwrap(), file["size_bytes"].as_u64().unwrap());
    let whole = server.get(path);
    assert_eq!((whole.status, whole.body.len() as u64), (200, size));
    let part = request(&server, "GET", path, "Range: bytes=1-3\r\n");
    assert_eq!((part.status, part.header("content-range")), (206, Some(&*format!("bytes 1-3/{size}"))));
    assert_eq!(part.body, whole.body[1..4]);
    let tag = whole.header("etag").unwrap();
    let head = request(&server, "HEAD", path, "");
    assert_eq!((head.status, head.header("content-length")), (200, Some(&*size.to_string())));
    assert_eq!(request(&server, "GET", path, &format!("If-None-Match: {tag}\r\n")).status, 304);
    drop(server);

    let (code, _, error) = run(&installation, &bucket, &["tenant", "delete", "lantern-works"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(bucket.objects(), [""; 0]);
}

#[test]
fn a_bucket_that_denies_access_stops_neither_the_start_nor_pages() {
    let bucket = Bucket::new();
    let installation = imported(&bucket);
    for method in [http::Method::GET, http::Method::HEAD] {
        bucket.fail(1_000, method, "", Fault::Code(403, "AccessDenied"));
    }
    let server = serve(&installation, &bucket);
    assert_eq!(server.get("/lantern-works/general").status, 200);
    let file = attachment(&server);
    assert_eq!(server.get(file["url"].as_str().unwrap()).status, 503);
    assert_eq!(attachment(&server), file, "it is not taken for a missing one");
    let told = server.stop().join("\n");
    assert!(told.contains("s3:GetObject") && !told.contains(KEY_ID) && !told.contains(SECRET), "{told}");
}

#[test]
fn a_deletion_that_the_bucket_stops_is_resumed() {
    let bucket = Bucket::new();
    let installation = imported(&bucket);
    bucket.fail(1, http::Method::GET, "list-type", Fault::Code(403, "AccessDenied"));
    let (code, _, error) = run(&installation, &bucket, &["tenant", "delete", "lantern-works"]);
    assert_ne!(code, 0);
    assert!(error.contains("s3:DeleteObject"), "{error}");
    let stored = bucket.objects();
    assert!(!stored.is_empty() && stored.iter().all(|name| !name.ends_with("current")), "{stored:?}");
    let server = installation.serve_with(&[], |command| with_bucket(command, &bucket));
    let start = Instant::now();
    while !bucket.objects().is_empty() {
        assert!(start.elapsed() < LATE, "{:?}", bucket.objects());
        assert_eq!(server.get("/healthz").status, 200);
    }
    let admin = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    assert_eq!(request(&server, "GET", "/api/v1/admin/tenants", &admin).json()["items"], json!([]));
}

#[test]
fn a_doctor_stores_something_and_removes_it() {
    let bucket = Bucket::new();
    let installation = Installation::new();
    let check = |bucket: &Bucket| {
        let (_, report, _) = run(&installation, bucket, &["doctor", "--json"]);
        let report: Value = serde_json::from_str(report.lines().last().unwrap()).unwrap();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "media store").unwrap()
    };
    assert_eq!(check(&bucket)["state"], "ok");
    assert!(bucket.requests().iter().any(|request| request.starts_with("PUT")));
    assert_eq!(bucket.objects(), [""; 0]);
    bucket.fail(1, http::Method::PUT, "", Fault::Code(404, "NoSuchBucket"));
    let failed = check(&bucket);
    assert_eq!(failed["state"], "failed");
    assert!(failed["detail"].as_str().unwrap().contains("create the bucket"), "{failed}");
}

#[test]
fn wrong_settings_of_a_bucket_stop_the_start_with_their_names() {
    let installation = Installation::new();
    for (settings, named) in [
        (&[("MEDIA_URL", "s3://needles")][..], "MEDIA_URL: a bucket of AWS needs its region"),
        (&[("MEDIA_URL", "s3://needles?region=a")], "AWS_ACCESS_KEY_ID: a media store in a bucket needs it"),
        (&[("MEDIA_URL", "s3://needles?region=a"), ("AWS_ACCESS_KEY_ID", "id")], "AWS_SECRET_ACCESS_KEY: "),
        (&[("MEDIA_URL", "s3://id:hidden@needles?region=a")], "MEDIA_URL: the keys belong into AWS_ACCESS_KEY_ID"),
        (&[("MEDIA_URL", "data/media")], "MEDIA_URL: expected folder:PATH"),
    ] {
        let mut command = installation.command(&["serve"]);
        command.envs(settings.iter().copied());
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.contains(named)), (Some(2), true), "{settings:?}: {error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}
