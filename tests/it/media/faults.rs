//! A bucket that fails: for a moment, in the middle of a file, or until an operator acts.

use std::io::ErrorKind;
use std::sync::Arc;

use adapter_s3::S3Media;
use bytes::Bytes;
use domain::media::ContentHash;
use domain::tenant::{Platform, PlatformId, TenantId};
use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use ports::media::{FileBytes, MediaError, MediaStore};
use ports::upkeep::MediaUpkeep;

use super::bucket::{Bucket, Fault, KEY_ID, SECRET};

/// More than one request takes.
const LARGE: usize = 20 << 20;

fn tenant() -> TenantId {
    TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap())
}

fn file(size: usize) -> Bytes {
    (0..=250).cycle().take(size).collect()
}

fn coming(bytes: &Bytes) -> FileBytes {
    stream::iter([Ok(bytes.clone())]).boxed()
}

async fn put(media: &S3Media, bytes: &Bytes) -> ContentHash {
    media.put(tenant(), coming(bytes)).await.unwrap().0
}

/// Reads a file; returns the bytes, and the error after them.
async fn read(media: &S3Media, hash: ContentHash) -> (Vec<u8>, Option<std::io::Error>) {
    let kept = media.open(tenant(), hash, 0, u64::MAX).await.unwrap().unwrap();
    read_all(kept.bytes).await
}

async fn read_all(mut pieces: stream::BoxStream<'static, std::io::Result<Bytes>>) -> (Vec<u8>, Option<std::io::Error>) {
    let mut bytes = Vec::new();
    loop {
        match pieces.try_next().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, None),
            Err(error) => return (bytes, Some(error)),
        }
    }
}

#[tokio::test]
async fn a_request_that_fails_for_a_moment_is_repeated() {
    let (bucket, bytes) = (Bucket::new(), file(1000));
    let media = bucket.media();
    for fault in [Fault::Code(503, "SlowDown"), Fault::Code(500, "InternalError"), Fault::HangUp] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST] {
            bucket.fail(1, method, "", fault);
        }
        let hash = put(&media, &bytes).await;
        bucket.fail(1, Method::GET, &hash.to_string(), fault);
        assert_eq!(read(&media, hash).await.0, bytes);
        media.delete_one(tenant(), hash).await.unwrap();
        put(&media, &bytes).await;
        bucket.fail(1, Method::POST, "delete", fault);
        media.delete_all(tenant()).await.unwrap();
        assert_eq!(bucket.objects(), [""; 0], "{fault:?}");
    }
}

#[tokio::test]
async fn a_file_in_parts_survives_parts_that_fail_for_a_moment() {
    let (bucket, bytes) = (Bucket::new(), file(LARGE));
    bucket.fail(1, Method::POST, "uploads", Fault::Code(503, "SlowDown"));
    bucket.fail(1, Method::PUT, "partNumber=2", Fault::HangUp);
    bucket.fail(1, Method::POST, "uploadId", Fault::Code(503, "SlowDown"));
    let media = bucket.media();
    let hash = put(&media, &bytes).await;
    assert!(read(&media, hash).await.0 == bytes);
    assert_eq!(bucket.parts(), 0);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_resumed_where_it_ended() {
    let (bucket, bytes) = (Bucket::new(), file(3 << 20));
    let media = bucket.media();
    let hash = put(&media, &bytes).await;
    bucket.fail(1, Method::GET, &hash.to_string(), Fault::Cut(1 << 20));
    let (got, error) = read(&media, hash).await;
    assert!(got == bytes && error.is_none(), "{} bytes, {error:?}", got.len());
    let requests = bucket.requests();
    let last = requests.iter().rfind(|request| request.contains(&hash.to_string())).unwrap();
    let first: usize = last.split_once("bytes=").unwrap().1.split('-').next().unwrap().parse().unwrap();
    assert!((1..=1 << 20).contains(&first), "{last}");
}

#[tokio::test]
async fn a_download_that_breaks_off_again_and_again_ends_with_an_error() {
    for fault in [Fault::Cut(1 << 20), Fault::Stall(1 << 20)] {
        let (bucket, bytes) = (Bucket::new(), file(3 << 20));
        let media = bucket.media();
        let hash = put(&media, &bytes).await;
        bucket.fail(1, Method::GET, &hash.to_string(), fault);
        bucket.fail(100, Method::GET, &hash.to_string(), Fault::Silence);
        let kept = media.open(tenant(), hash, 0, u64::MAX).await.unwrap().unwrap();
        // The pauses, and the time that the store is given, take no time.
        tokio::time::pause();
        let (got, error) = read_all(kept.bytes).await;
        tokio::time::resume();
        assert!(got.len() <= 1 << 20 && bytes.starts_with(&got), "{fault:?}: {} bytes", got.len());
        let error = error.expect("a part of a file is not a file");
        assert!(error.to_string().contains("cannot be reached"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_stored_leaves_no_part_of_it() {
    let (bucket, bytes) = (Bucket::new(), file(LARGE));
    let media = bucket.media();
    bucket.fail(1, Method::PUT, "partNumber=2", Fault::Code(403, "AccessDenied"));
    let failed = media.put(tenant(), coming(&bytes)).await;
    assert!(matches!(&failed, Err(MediaError::Io(error)) if error.kind() == ErrorKind::PermissionDenied), "{failed:?}");
    while bucket.parts() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(bucket.requests().iter().any(|request| request.starts_with("DELETE") && request.contains("uploadId")));
    assert!(bucket.objects().iter().all(|name| name.ends_with("current")));
}

#[tokio::test]
async fn a_cancelled_upload_leaves_no_part_of_it() {
    let (bucket, bytes) = (Bucket::new(), file(LARGE));
    let media = bucket.media();
    bucket.fail(1, Method::PUT, "partNumber=2", Fault::Silence);
    let put = tokio::spawn({
        let (media, bytes) = (media.clone(), coming(&bytes));
        async move { media.put(tenant(), bytes).await.map(|_| ()) }
    });
    while !bucket.requests().iter().any(|request| request.contains("partNumber=2")) {
        tokio::task::yield_now().await;
    }
    assert!(bucket.parts() > 0);
    put.abort();
    while bucket.parts() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(bucket.objects().iter().all(|name| name.ends_with("current")));
}

#[tokio::test]
async fn an_error_says_what_to_do_and_no_key() {
    let bucket = Bucket::new();
    let media = bucket.media();
    for (status, code, kind, advice) in [
        (404, "NoSuchBucket", ErrorKind::InvalidInput, "create the bucket"),
        (403, "AccessDenied", ErrorKind::PermissionDenied, "s3:ListBucket"),
        (403, "InvalidAccessKeyId", ErrorKind::PermissionDenied, "AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", ErrorKind::PermissionDenied, "AWS_SECRET_ACCESS_KEY"),
        (400, "ExpiredToken", ErrorKind::PermissionDenied, "AWS_SESSION_TOKEN"),
        (403, "RequestTimeTooSkewed", ErrorKind::PermissionDenied, "clock"),
        (400, "AuthorizationHeaderMalformed", ErrorKind::InvalidInput, "region"),
        (301, "PermanentRedirect", ErrorKind::InvalidInput, "region"),
        (418, "Teapot", ErrorKind::Other, "Teapot"),
    ] {
        bucket.fail(1, Method::GET, "", Fault::Code(status, code));
        let failed = media.open(tenant(), ContentHash::new([7; 32]), 0, 1).await;
        let error = failed.err().unwrap_or_else(|| panic!("{code} is not a missing file"));
        let text = format!("{error} {error:?}");
        assert!(error.kind() == kind && text.contains(advice), "{code}: {text}");
        assert!(!text.contains(KEY_ID) && !text.contains(SECRET), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_store_that_is_not_there_are_told_by_a_probe() {
    let bucket = Bucket::new();
    let error = bucket.media_with("another").probe().await.unwrap_err();
    assert!(error.to_string().contains("correct AWS_SECRET_ACCESS_KEY"), "{error}");
    let media = bucket.media();
    media.probe().await.unwrap();
    drop(bucket);
    // Its pauses take no time.
    tokio::time::pause();
    let error = media.probe().await.unwrap_err();
    assert!(error.to_string().contains("check that it runs"), "{error}");
}

#[tokio::test]
async fn ten_thousand_files_are_deleted_in_steps_that_are_resumed() {
    let bucket = Bucket::new();
    let media = bucket.media();
    put(&media, &file(1)).await;
    let first = bucket.objects().into_iter().find(|name| !name.ends_with("current")).unwrap();
    let folder = bucket.root().join(first.rsplit_once('/').unwrap().0);
    for number in 0..9_999 {
        std::fs::write(folder.join(format!("{number:064x}")), b"").unwrap();
    }
    media.retire(tenant()).await.unwrap();
    bucket.fail(1, Method::POST, "delete", Fault::Code(403, "AccessDenied"));
    let error = media.delete_retired(tenant()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!bucket.objects().is_empty());
    // Another process resumes it.
    let other = Arc::new(bucket.media());
    let before = bucket.requests().len();
    other.delete_retired(tenant()).await.unwrap();
    assert_eq!(bucket.objects(), [""; 0]);
    let requests = bucket.requests().split_off(before);
    assert!(requests.len() < 40, "a request removes up to a thousand: {requests:?}");
}

#[tokio::test]
async fn what_a_killed_process_stored_in_retired_files_is_removed_later() {
    let bucket = Bucket::new();
    let media = bucket.media();
    put(&media, &file(1)).await;
    media.retire(tenant()).await.unwrap();
    put(&media, &file(2)).await;
    assert_eq!(media.tidy().await.unwrap(), 1);
    assert_eq!(bucket.objects().len(), 2, "the other file, and the name of its generation");
    assert_eq!(media.tidy().await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_that_was_retired_while_it_was_stored_is_not_reported_as_stored() {
    let (bucket, bytes) = (Bucket::new(), file(LARGE));
    let media = bucket.media();
    put(&media, &file(1)).await;
    // The second part waits for its second attempt, while another process retires the files.
    bucket.fail(1, Method::PUT, "partNumber=2", Fault::Code(503, "SlowDown"));
    let put = tokio::spawn({
        let (media, bytes) = (media.clone(), coming(&bytes));
        async move { media.put(tenant(), bytes).await.map(|_| ()) }
    });
    while !bucket.requests().iter().any(|request| request.contains("partNumber=2")) {
        tokio::task::yield_now().await;
    }
    bucket.media().delete_all(tenant()).await.unwrap();
    let stored = put.await.unwrap();
    assert!(matches!(stored, Err(MediaError::Io(_))), "{stored:?}");
    assert_eq!(bucket.objects(), [""; 0]);
}
