use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use domain::tenant::{Platform, PlatformId};
use ports::media::FetchError;
use ports::upkeep::MediaUpkeep;
use tempfile::TempDir;

use super::*;

const OTTER: &[u8] = b"an otter, floating";

fn folder() -> (TempDir, MediaFolder) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    (folder, media)
}

fn tenant(id: &str) -> TenantId {
    TenantId::of(Platform::Discord, &PlatformId::new(id).unwrap())
}

fn coming(pieces: Vec<Result<&'static [u8], FetchError>>) -> FileBytes {
    stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))).boxed()
}

/// Every file below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_cancelled_caller_leaves_nothing() {
    let (folder, media) = folder();
    let mut put = media.put(tenant("1"), coming(vec![Ok(OTTER)]).chain(stream::pending()).boxed());
    while files(folder.path()).is_empty() {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    // A started call ends on its own thread.
    while !files(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
}

/// The modes of a folder and of all that it contains.
fn modes(root: &Path) -> Vec<(PathBuf, u32)> {
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut modes = vec![(root.to_owned(), mode(root))];
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { modes.extend(self::modes(&path)) } else { modes.push((path.clone(), mode(&path))) }
    }
    modes
}

fn assert_private(root: &Path) {
    for (path, mode) in modes(root) {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[tokio::test]
async fn only_the_owner_reads_what_is_stored() {
    let (folder, media) = folder();
    media.put(tenant("1"), coming(vec![Ok(OTTER)])).await.unwrap();
    assert_private(&folder.path().join("media"));
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them_at_the_start() {
    let (folder, media) = folder();
    let root = folder.path().join("media");
    assert_eq!(media.tidy().await.unwrap(), 0, "nothing is there yet");
    media.put(tenant("1"), coming(vec![Ok(OTTER)])).await.unwrap();
    let other = root.join("another-folder");
    std::fs::create_dir(&other).unwrap();
    for (path, _) in modes(&root) {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    media.tidy().await.unwrap();
    assert_eq!(std::fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o755, "it is not ours");
    std::fs::remove_dir(&other).unwrap();
    assert_private(&root);
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays() {
    let (folder, media) = folder();
    let incoming = folder.path().join("media").join(tenant("1").to_string()).join("incoming");
    let mut put = media.put(tenant("1"), coming(vec![Ok(OTTER)]).chain(stream::pending()).boxed());
    while files(&incoming).iter().all(|file| std::fs::metadata(file).unwrap().len() == 0) {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    std::fs::write(incoming.join("left"), OTTER).unwrap();
    assert_eq!(media.tidy().await.unwrap(), 1);
    assert_eq!(files(&incoming).len(), 1, "the file that is being written");
    drop(put);
}

#[tokio::test]
async fn files_that_hang_take_no_thread_of_the_rest_of_the_program() {
    let (folder, media) = folder();
    let of = tenant("1");
    let (hash, _) = media.put(of, coming(vec![Ok(OTTER)])).await.unwrap();
    let path = files(folder.path()).pop().unwrap();
    std::fs::remove_file(&path).unwrap();
    // Opening it waits for a writer, as for a hanging disk.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let hanging: Vec<_> = (0..1_200)
        .map(|_| {
            let media = media.clone();
            tokio::spawn(async move { media.open(of, hash, 0, 1).await.map(|_| ()) })
        })
        .collect();
    tokio::task::yield_now().await;
    let rest = tokio::task::spawn_blocking(|| 1);
    assert_eq!(tokio::time::timeout(Duration::from_mins(1), rest).await.unwrap().unwrap(), 1);
    for one in hanging {
        one.abort();
    }
    // Otherwise the threads that wait for the writer would outlive the test.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap());
}

fn bytes(pieces: Vec<io::Result<&'static [u8]>>) -> SnapshotBytes {
    stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))).boxed()
}

#[tokio::test]
async fn snapshots_of_before_a_time_are_deleted_and_other_files_stay() {
    let (folder, media) = folder();
    assert_eq!(media.delete_before(Timestamp::MAX).await.unwrap(), 0, "there is no folder yet");
    let [old, new, without] = ["1", "2", "3"].map(tenant);
    for of in [old, new, without] {
        media.put(of, coming(vec![Ok(OTTER)])).await.unwrap();
    }
    for of in [old, new] {
        media.replace(of, bytes(vec![Ok(b"index")])).await.unwrap();
    }
    let root = folder.path().join("media");
    let stored = |of: TenantId| root.join(of.to_string()).join(SNAPSHOT);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_123);
    let file = std::fs::OpenOptions::new().write(true).open(stored(old)).unwrap();
    file.set_modified(long_ago).unwrap();
    std::fs::write(root.join("a file"), b"").unwrap();
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    assert_eq!(SnapshotStore::find(&media, old).await.unwrap().unwrap().stored_at, at(1_790_000_000_123));
    assert_eq!(media.delete_before(at(1_790_000_000_123)).await.unwrap(), 0);
    assert_eq!(media.delete_before(at(1_790_000_000_124)).await.unwrap(), 1);
    assert_eq!((stored(old).exists(), stored(new).exists()), (false, true));
    assert_eq!(media.delete_before(at(1_790_000_000_124)).await.unwrap(), 0);
    assert_eq!(files(folder.path()).len(), 5, "three files, a snapshot and the other one");
}
