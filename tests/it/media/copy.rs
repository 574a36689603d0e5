//! `verta media copy`: from a folder to a bucket and back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use data_encoding::HEXLOWER;
use domain::tenant::{Platform, PlatformId, TenantId};
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::bucket::{Bucket, Fault, KEY_ID, SECRET, names};
use crate::program::Installation;

/// Stores a file as a media folder does; returns its path.
fn store(root: &Path, bytes: &[u8], hash: &str) -> PathBuf {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap()).to_string();
    let folder = root.join(tenant).join(&hash[..2]).join(&hash[2..4]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(hash), bytes).unwrap();
    folder.join(hash)
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Returns a folder with so many files.
fn folder(installation: &Installation, files: usize) -> PathBuf {
    let root = installation.path("from");
    for number in 0..files {
        let bytes = format!("file {number}").into_bytes();
        store(&root, &bytes, &hash(&bytes));
    }
    root
}

fn copy(installation: &Installation, from: &str, to: &str) -> Output {
    let mut command = installation.command(&["media", "copy", "--json", "--from", from, "--to", to]);
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.output().unwrap()
}

/// Returns the exit code and the result without the time that it took.
fn told(output: &Output) -> (i32, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let mut report: Value = serde_json::from_str(line).unwrap();
    assert!(report.as_object_mut().unwrap().remove("seconds").unwrap().is_number());
    (output.status.code().unwrap(), report)
}

#[test]
fn files_go_to_a_bucket_and_back_and_are_copied_once() {
    let (installation, bucket) = (Installation::new(), Bucket::new());
    let from = folder(&installation, 1_200);
    let url = format!("folder:{}", from.display());
    let bytes: usize = (0..1_200).map(|number| format!("file {number}").len()).sum();
    let (code, report) = told(&copy(&installation, &url, &bucket.url()));
    assert_eq!((code, report), (0, json!({"copied": 1_200, "bytes": bytes, "unchanged": 0, "failed": []})));
    assert_eq!(bucket.objects().len(), 1_201);
    let (code, report) = told(&copy(&installation, &url, &bucket.url()));
    assert_eq!((code, report), (0, json!({"copied": 0, "bytes": 0, "unchanged": 1_200, "failed": []})));
    let back = installation.path("back");
    let (code, report) = told(&copy(&installation, &bucket.url(), &format!("folder:{}", back.display())));
    assert_eq!((code, &report["copied"]), (0, &json!(1_200)));
    assert_eq!(names(&back), names(&from));
    for name in names(&back) {
        assert_eq!(fs::read(back.join(&name)).unwrap(), fs::read(from.join(&name)).unwrap());
    }
}

#[test]
fn an_interrupted_copy_is_resumed() {
    let (installation, bucket) = (Installation::new(), Bucket::new());
    let from = format!("folder:{}", folder(&installation, 40).display());
    let last = names(&installation.path("from")).pop().unwrap();
    let last = last.rsplit('/').next().unwrap();
    bucket.fail(1, Method::PUT, last, Fault::Code(403, "AccessDenied"));
    let output = copy(&installation, &from, &bucket.url());
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{error}");
    assert!(error.contains("the media store to copy to") && error.contains("s3:PutObject"), "{error}");
    let there = bucket.objects().len() - 1;
    assert!((1..40).contains(&there), "{there}");
    let (code, report) = told(&copy(&installation, &from, &bucket.url()));
    assert_eq!((code, &report["copied"], &report["unchanged"]), (0, &json!(40 - there), &json!(there)));
}

#[test]
fn a_damaged_file_is_named_and_not_copied() {
    let (installation, bucket) = (Installation::new(), Bucket::new());
    let root = folder(&installation, 3);
    let damaged = hash(b"the bytes of before");
    store(&root, b"other bytes", &damaged);
    // A file that was cut on its way is replaced.
    let (code, report) = told(&copy(&installation, &format!("folder:{}", root.display()), &bucket.url()));
    assert_eq!((code, &report["copied"]), (1, &json!(3)));
    assert_eq!(report["failed"].as_array().unwrap().len(), 1);
    assert_eq!(report["failed"][0]["hash"], damaged.as_str());
    assert!(bucket.objects().iter().all(|name| !name.contains(&damaged)));
    let (hash_of_other, objects) = (hash(b"other bytes"), bucket.objects());
    assert!(objects.iter().all(|name| !name.contains(&hash_of_other)), "{objects:?}");
}

#[test]
fn a_file_of_another_size_is_copied_again() {
    let (installation, bucket) = (Installation::new(), Bucket::new());
    let from = format!("folder:{}", folder(&installation, 3).display());
    told(&copy(&installation, &from, &bucket.url()));
    let cut = bucket.objects().into_iter().find(|name| !name.ends_with("current")).unwrap();
    fs::write(bucket.root().join(&cut), b"fi").unwrap();
    let (code, report) = told(&copy(&installation, &from, &bucket.url()));
    assert_eq!((code, &report["copied"], &report["unchanged"]), (0, &json!(1), &json!(2)));
    assert_eq!(fs::read(bucket.root().join(&cut)).unwrap().len(), "file 0".len());
}

#[test]
fn wrong_addresses_are_wrong_usage() {
    let (installation, bucket) = (Installation::new(), Bucket::new());
    let here = format!("folder:{}", folder(&installation, 1).display());
    let without_region = "s3://needles/media";
    for (from, to, named) in [
        (here.as_str(), here.as_str(), "--to: it is the same"),
        ("folder:nowhere", &here, "--from: there is no such folder"),
        ("ftp://nowhere", &here, "--from"),
        (&here, without_region, "--to: a bucket of AWS needs its region"),
    ] {
        let output = copy(&installation, from, to);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.contains(named)), (Some(2), true), "{from} {to}: {error}");
    }
    let output = installation.run(&["media", "copy", "--from", &here, "--to", &bucket.url()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.contains("AWS_ACCESS_KEY_ID")), (Some(2), true), "{error}");
}
