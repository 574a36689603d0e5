use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use domain::tenant::{Platform, PlatformId};
use ports::media::FetchError;
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

async fn read(media: &MediaFolder, of: TenantId, hash: ContentHash, first: u64, most: u64) -> Option<(u64, Vec<u8>)> {
    let kept = media.open(of, hash, first, most).await.unwrap()?;
    let pieces: Vec<Bytes> = kept.bytes.try_collect().await.unwrap();
    Some((kept.size_bytes, pieces.concat()))
}

/// Every file below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn what_is_put_is_found_by_its_hash_whole_and_in_parts() {
    let (folder, media) = folder();
    let of = tenant("1");
    let (hash, size) = media.put(of, coming(vec![Ok(&OTTER[..5]), Ok(b""), Ok(&OTTER[5..])])).await.unwrap();
    assert_eq!((hash, size), (ContentHash::new(Sha256::digest(OTTER).into()), OTTER.len() as u64));
    assert_eq!(read(&media, of, hash, 0, u64::MAX).await.unwrap(), (size, OTTER.to_vec()));
    assert_eq!(read(&media, of, hash, 3, 5).await.unwrap(), (size, b"otter".to_vec()));
    assert_eq!(read(&media, of, hash, size + 9, 5).await.unwrap(), (size, Vec::new()));
    assert_eq!(read(&media, tenant("2"), hash, 0, 1).await, None, "another tenant's");
    // The same bytes a second time are the same file.
    assert_eq!(media.put(of, coming(vec![Ok(OTTER)])).await.unwrap(), (hash, size));
    assert_eq!(files(folder.path()).len(), 1);
}

#[tokio::test]
async fn what_breaks_off_leaves_nothing() {
    let (folder, media) = folder();
    let broken = media.put(tenant("1"), coming(vec![Ok(OTTER), Err(FetchError::TooLarge)])).await;
    assert!(matches!(broken, Err(MediaError::Fetch(FetchError::TooLarge))), "{broken:?}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
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

#[tokio::test]
async fn a_tenant_goes_with_all_its_files_and_no_other() {
    let (_folder, media) = folder();
    let (one, other) = (tenant("1"), tenant("2"));
    let (hash, _) = media.put(one, coming(vec![Ok(OTTER)])).await.unwrap();
    media.put(other, coming(vec![Ok(OTTER)])).await.unwrap();
    for _ in 0..2 {
        media.delete_all(one).await.unwrap();
        assert_eq!(read(&media, one, hash, 0, 1).await, None);
    }
    assert_eq!(read(&media, other, hash, 0, 2).await.unwrap().1, b"an");
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

#[tokio::test]
async fn what_is_retired_is_not_kept_and_what_is_put_later_stays() {
    let (folder, media) = folder();
    let (of, other) = (tenant("1"), tenant("2"));
    let (hash, size) = media.put(of, coming(vec![Ok(OTTER)])).await.unwrap();
    media.put(other, coming(vec![Ok(OTTER)])).await.unwrap();
    media.retire(of).await.unwrap();
    assert_eq!(read(&media, of, hash, 0, u64::MAX).await, None);
    media.put(of, coming(vec![Ok(OTTER)])).await.unwrap();
    media.delete_retired(of).await.unwrap();
    assert_eq!(read(&media, of, hash, 0, u64::MAX).await.unwrap(), (size, OTTER.to_vec()));
    assert_eq!(files(folder.path()).len(), 2, "one for each tenant");
    media.retire(tenant("3")).await.unwrap();
    media.delete_retired(tenant("3")).await.unwrap();
}

fn bytes(pieces: Vec<io::Result<&'static [u8]>>) -> SnapshotBytes {
    stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))).boxed()
}

#[tokio::test]
async fn a_snapshot_replaces_the_one_before_once_it_is_whole() {
    let (folder, media) = folder();
    let of = tenant("1");
    let found = async || {
        let found = SnapshotStore::find(&media, of).await.unwrap()?;
        let pieces: Vec<Bytes> = found.bytes.try_collect().await.unwrap();
        Some(pieces.concat())
    };
    assert_eq!(found().await, None);
    assert_eq!(media.replace(of, bytes(vec![Ok(&OTTER[..5]), Ok(&OTTER[5..])])).await.unwrap(), OTTER.len() as u64);
    assert_eq!(found().await.unwrap(), OTTER);
    let broken = media.replace(of, bytes(vec![Ok(b"new"), Err(io::Error::other("the disk failed"))])).await;
    assert!(broken.is_err());
    assert_eq!(found().await.unwrap(), OTTER);
    media.replace(of, bytes(vec![Ok(b"new")])).await.unwrap();
    assert_eq!(found().await.unwrap(), b"new");
    assert_eq!(files(folder.path()).len(), 1);
    media.delete(of).await.unwrap();
    media.delete(of).await.unwrap();
    assert_eq!(found().await, None);
    media.replace(of, bytes(vec![Ok(b"new")])).await.unwrap();
    media.delete_all(of).await.unwrap();
    assert_eq!((found().await, files(folder.path())), (None, Vec::new()), "it goes with the tenant");
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

#[tokio::test]
async fn one_file_goes_and_the_others_stay() {
    let (folder, media) = folder();
    let (here, there) = (tenant("1"), tenant("2"));
    let (hash, size) = media.put(here, coming(vec![Ok(OTTER)])).await.unwrap();
    let (other, _) = media.put(here, coming(vec![Ok(b"another")])).await.unwrap();
    media.put(there, coming(vec![Ok(OTTER)])).await.unwrap();
    for _ in 0..2 {
        media.delete_one(here, hash).await.unwrap();
        assert_eq!(read(&media, here, hash, 0, u64::MAX).await, None);
        assert!(read(&media, here, other, 0, u64::MAX).await.is_some());
        assert_eq!(read(&media, there, hash, 0, u64::MAX).await.unwrap(), (size, OTTER.to_vec()));
    }
    media.put(here, coming(vec![Ok(OTTER)])).await.unwrap();
    assert!(read(&media, here, hash, 0, u64::MAX).await.is_some());
    assert_eq!(files(folder.path()).len(), 3);
}
