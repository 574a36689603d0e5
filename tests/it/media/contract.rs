//! The cases that every media store must pass.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use adapter_media::MediaFolder;
use bytes::Bytes;
use domain::media::ContentHash;
use domain::media::ThumbnailWidth::{Narrow, Wide};
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};
use ports::media::{FetchError, FileBytes, MediaError, MediaStore};
use ports::snapshot::{SnapshotBytes, SnapshotStore};
use ports::upkeep::{ListedFile, MediaUpkeep};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::bucket::{Bucket, names};

const OTTER: &[u8] = b"an otter, floating";

/// A media store, opened twice as by two processes.
struct Opened {
    media: Arc<dyn MediaStore>,
    other: Arc<dyn MediaStore>,
    snapshots: Arc<dyn SnapshotStore>,
    upkeep: Arc<dyn MediaUpkeep>,
    /// The folder with all that it stores.
    root: PathBuf,
    _place: Place,
}

#[expect(dead_code, reason = "what is stored is removed with it")]
enum Place {
    Folder(TempDir),
    Bucket(Bucket),
}

impl Opened {
    fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("media");
        let (one, other) = (Arc::new(MediaFolder::new(root.clone())), MediaFolder::new(root.clone()));
        Self::new(one, Arc::new(other), root, Place::Folder(folder))
    }

    fn bucket() -> Self {
        let bucket = Bucket::new();
        let (one, other) = (Arc::new(bucket.media()), bucket.media());
        Self::new(one, Arc::new(other), bucket.root(), Place::Bucket(bucket))
    }

    fn new<T: MediaStore + SnapshotStore + MediaUpkeep + 'static>(
        one: Arc<T>,
        other: Arc<T>,
        root: PathBuf,
        place: Place,
    ) -> Self {
        let (media, snapshots, upkeep) = (Arc::<T>::clone(&one), Arc::<T>::clone(&one), one);
        Self { media, other, snapshots, upkeep, root, _place: place }
    }

    /// Returns the number of stored files, snapshots included.
    fn count(&self) -> usize {
        names(&self.root).iter().filter(|name| !name.ends_with("/current")).count()
    }

    async fn put(&self, tenant: TenantId, bytes: &'static [u8]) -> ContentHash {
        self.media.put(tenant, coming(vec![Ok(bytes)])).await.unwrap().0
    }
}

/// Makes a test of each case for each store; an unlisted case is dead code.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod folder {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&super::Opened::folder()).await;
                }
            )*
        }

        mod s3 {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&super::Opened::bucket()).await;
                }
            )*
        }
    };
}

contract![
    a_file_is_found_by_its_hash_whole_and_in_parts,
    an_empty_file_and_a_large_one_are_files,
    a_source_that_fails_stores_nothing,
    one_file_is_deleted_and_the_others_stay,
    a_thumbnail_is_beside_its_file_and_goes_with_it,
    thumbnails_of_a_tenant_are_retired_with_its_files,
    all_files_of_a_tenant_are_deleted_and_no_others,
    retired_files_are_gone_at_once_and_later_ones_stay,
    files_are_shared_by_processes,
    files_retired_by_another_process_are_gone,
    files_are_listed_in_order_and_in_pages,
    a_probe_and_tidying_leave_everything_as_it_is,
    a_snapshot_replaces_the_one_before_once_it_is_whole,
    snapshots_of_before_a_time_are_deleted,
];

fn tenant(id: &str) -> TenantId {
    TenantId::of(Platform::Discord, &PlatformId::new(id).unwrap())
}

fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash::new(Sha256::digest(bytes).into())
}

fn coming(pieces: Vec<Result<&'static [u8], FetchError>>) -> FileBytes {
    stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))).boxed()
}

fn snapshot(pieces: Vec<io::Result<&'static [u8]>>) -> SnapshotBytes {
    stream::iter(pieces.into_iter().map(|piece| piece.map(Bytes::from_static))).boxed()
}

async fn read(
    media: &dyn MediaStore,
    of: TenantId,
    hash: ContentHash,
    first: u64,
    most: u64,
) -> Option<(u64, Vec<u8>)> {
    let kept = media.open(of, hash, first, most).await.unwrap()?;
    let pieces: Vec<Bytes> = kept.bytes.try_collect().await.unwrap();
    Some((kept.size_bytes, pieces.concat()))
}

async fn whole(media: &dyn MediaStore, of: TenantId, hash: ContentHash) -> Option<Vec<u8>> {
    read(media, of, hash, 0, u64::MAX).await.map(|(_, bytes)| bytes)
}

async fn a_file_is_found_by_its_hash_whole_and_in_parts(store: &Opened) {
    let (media, of) = (&*store.media, tenant("1"));
    assert_eq!(read(media, of, hash(OTTER), 0, 1).await, None, "nothing is stored yet");
    let pieces = vec![Ok(&OTTER[..5]), Ok(b""), Ok(&OTTER[5..])];
    let (hash, size) = media.put(of, coming(pieces)).await.unwrap();
    assert_eq!((hash, size), (self::hash(OTTER), OTTER.len() as u64));
    assert_eq!(read(media, of, hash, 0, u64::MAX).await.unwrap(), (size, OTTER.to_vec()));
    assert_eq!(read(media, of, hash, 0, size).await.unwrap(), (size, OTTER.to_vec()));
    assert_eq!(read(media, of, hash, 3, 5).await.unwrap(), (size, b"otter".to_vec()));
    assert_eq!(read(media, of, hash, 10, u64::MAX).await.unwrap(), (size, b"floating".to_vec()));
    assert_eq!(read(media, of, hash, 10, 100).await.unwrap(), (size, b"floating".to_vec()));
    assert_eq!(read(media, of, hash, 3, 0).await.unwrap(), (size, Vec::new()));
    assert_eq!(read(media, of, hash, size, 5).await.unwrap(), (size, Vec::new()));
    assert_eq!(read(media, of, hash, size + 9, 5).await.unwrap(), (size, Vec::new()));
    assert_eq!(read(media, tenant("2"), hash, 0, 1).await, None, "another tenant's");
    // The same bytes a second time are the same file.
    assert_eq!(media.put(of, coming(vec![Ok(OTTER)])).await.unwrap(), (hash, size));
    assert_eq!(store.count(), 1);
}

async fn an_empty_file_and_a_large_one_are_files(store: &Opened) {
    let (media, of) = (&*store.media, tenant("1"));
    let empty = store.put(of, b"").await;
    assert_eq!(read(media, of, empty, 0, u64::MAX).await.unwrap(), (0, Vec::new()));
    // Longer than a request to a bucket, and no multiple of one.
    let piece: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let bytes: Vec<u8> = piece.iter().copied().cycle().take((37 << 20) + 5).collect();
    let pieces = bytes.chunks(piece.len()).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
    let (hash, size) = media.put(of, stream::iter(pieces).boxed()).await.unwrap();
    assert_eq!((hash, size), (self::hash(&bytes), bytes.len() as u64));
    assert!(whole(media, of, hash).await.unwrap() == bytes);
    let edge = 16 << 20;
    assert_eq!(read(media, of, hash, edge - 2, 4).await.unwrap().1, bytes[(16 << 20) - 2..][..4]);
    assert_eq!(read(media, of, hash, size - 3, u64::MAX).await.unwrap().1, bytes[bytes.len() - 3..]);
}

async fn a_source_that_fails_stores_nothing(store: &Opened) {
    let broken = store.media.put(tenant("1"), coming(vec![Ok(OTTER), Err(FetchError::TooLarge)])).await;
    assert!(matches!(broken, Err(MediaError::Fetch(FetchError::TooLarge))), "{broken:?}");
    assert_eq!(names(&store.root), [""; 0]);
}

async fn one_file_is_deleted_and_the_others_stay(store: &Opened) {
    let (media, here, there) = (&*store.media, tenant("1"), tenant("2"));
    media.delete_one(here, hash(OTTER)).await.unwrap();
    let (otter, kept) = (store.put(here, OTTER).await, store.put(here, b"another").await);
    store.put(there, OTTER).await;
    for _ in 0..2 {
        media.delete_one(here, otter).await.unwrap();
        assert_eq!(whole(media, here, otter).await, None);
        assert!(whole(media, here, kept).await.is_some());
        assert_eq!(whole(media, there, otter).await.unwrap(), OTTER);
    }
    store.put(here, OTTER).await;
    assert!(whole(media, here, otter).await.is_some());
    assert_eq!(store.count(), 3);
}

async fn a_thumbnail_is_beside_its_file_and_goes_with_it(store: &Opened) {
    let (media, elsewhere, of) = (&*store.media, &*store.other, tenant("1"));
    let (otter, kept) = (store.put(of, OTTER).await, store.put(of, b"another").await);
    assert_eq!(media.open_thumbnail(of, otter, Narrow).await.unwrap(), None);
    let large = Bytes::from(vec![7; (3 << 20) + 3]);
    for (hash, width, bytes) in [
        (otter, Narrow, Bytes::from_static(b"before")),
        (otter, Narrow, Bytes::from_static(b"small")),
        (otter, Wide, large.clone()),
        // No bytes are bytes, too.
        (kept, Wide, Bytes::new()),
    ] {
        media.put_thumbnail(of, hash, width, bytes).await.unwrap();
    }
    assert_eq!(elsewhere.open_thumbnail(of, otter, Narrow).await.unwrap().unwrap(), "small");
    assert!(elsewhere.open_thumbnail(of, otter, Wide).await.unwrap().unwrap() == large);
    assert_eq!(elsewhere.open_thumbnail(of, kept, Wide).await.unwrap().unwrap(), "");
    assert_eq!(elsewhere.open_thumbnail(of, kept, Narrow).await.unwrap(), None);
    assert_eq!(elsewhere.open_thumbnail(tenant("2"), otter, Narrow).await.unwrap(), None);
    assert_eq!(whole(media, of, otter).await.unwrap(), OTTER);
    // Lists have files alone.
    let listed: Vec<_> = store.upkeep.list(of, None, 10).await.unwrap().iter().map(|file| file.hash).collect();
    let mut expected = vec![otter, kept];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(store.upkeep.list(of, Some(expected[0]), 1).await.unwrap()[0].hash, expected[1]);
    assert_eq!(store.upkeep.tidy().await.unwrap(), 0);
    for _ in 0..2 {
        media.delete_one(of, otter).await.unwrap();
        assert_eq!(media.open_thumbnail(of, otter, Narrow).await.unwrap(), None);
        assert_eq!(media.open_thumbnail(of, otter, Wide).await.unwrap(), None);
        assert!(media.open_thumbnail(of, kept, Wide).await.unwrap().is_some());
        assert_eq!(store.count(), 2);
    }
}

async fn thumbnails_of_a_tenant_are_retired_with_its_files(store: &Opened) {
    let (media, of) = (&*store.media, tenant("1"));
    let hash = store.put(of, OTTER).await;
    media.put_thumbnail(of, hash, Narrow, Bytes::from_static(b"small")).await.unwrap();
    media.retire(of).await.unwrap();
    assert_eq!(media.open_thumbnail(of, hash, Narrow).await.unwrap(), None);
    media.delete_retired(of).await.unwrap();
    assert_eq!(names(&store.root), [""; 0]);
}

async fn all_files_of_a_tenant_are_deleted_and_no_others(store: &Opened) {
    let (media, one, other) = (&*store.media, tenant("1"), tenant("2"));
    let hash = store.put(one, OTTER).await;
    store.put(one, b"another").await;
    store.put(other, OTTER).await;
    for _ in 0..2 {
        media.delete_all(one).await.unwrap();
        assert_eq!(read(media, one, hash, 0, 1).await, None);
        assert_eq!(store.count(), 1);
    }
    assert_eq!(whole(media, other, hash).await.unwrap(), OTTER);
    media.delete_all(other).await.unwrap();
    assert_eq!(names(&store.root), [""; 0], "not even an object without a file");
}

async fn retired_files_are_gone_at_once_and_later_ones_stay(store: &Opened) {
    let (media, of, other) = (&*store.media, tenant("1"), tenant("2"));
    let (hash, old) = (store.put(of, OTTER).await, store.put(of, b"old").await);
    store.put(other, OTTER).await;
    media.retire(of).await.unwrap();
    assert_eq!(whole(media, of, hash).await, None);
    assert_eq!(store.upkeep.list(of, None, 10).await.unwrap(), []);
    store.put(of, OTTER).await;
    media.delete_retired(of).await.unwrap();
    assert_eq!(whole(media, of, hash).await.unwrap(), OTTER);
    assert_eq!(whole(media, of, old).await, None);
    assert_eq!(store.count(), 2, "one for each tenant");
    media.retire(tenant("3")).await.unwrap();
    media.delete_retired(tenant("3")).await.unwrap();
    assert_eq!(store.count(), 2);
}

async fn files_are_shared_by_processes(store: &Opened) {
    let of = tenant("1");
    let writes = (0..8).map(async |number| {
        let media = if number % 2 == 0 { &store.media } else { &store.other };
        let bytes = Bytes::from(format!("file {number}"));
        media.put(of, stream::iter([Ok(bytes)]).boxed()).await.unwrap()
    });
    let written: Vec<_> = futures::future::join_all(writes).await;
    for (number, (hash, _)) in written.into_iter().enumerate() {
        for media in [&store.media, &store.other] {
            assert_eq!(whole(&**media, of, hash).await.unwrap(), format!("file {number}").into_bytes());
        }
    }
}

async fn files_retired_by_another_process_are_gone(store: &Opened) {
    let (media, other, of) = (&*store.media, &*store.other, tenant("1"));
    let hash = store.put(of, OTTER).await;
    assert!(whole(other, of, hash).await.is_some());
    other.retire(of).await.unwrap();
    assert_eq!(whole(media, of, hash).await, None);
    store.put(of, b"new").await;
    assert_eq!(whole(other, of, hash).await, None);
    other.delete_retired(of).await.unwrap();
    assert_eq!(whole(other, of, self::hash(b"new")).await.unwrap(), b"new");
    assert_eq!(store.count(), 1);
}

async fn files_are_listed_in_order_and_in_pages(store: &Opened) {
    const FILES: [&[u8]; 9] =
        [b"1", b"22", b"333", b"4444", b"55555", b"666666", b"7777777", b"88888888", b"999999999"];
    let (upkeep, of) = (&*store.upkeep, tenant("1"));
    assert_eq!(upkeep.tenants().await.unwrap(), []);
    assert_eq!(upkeep.list(of, None, 10).await.unwrap(), []);
    let mut expected = Vec::new();
    for bytes in FILES {
        expected.push(ListedFile { hash: store.put(of, bytes).await, size_bytes: bytes.len() as u64 });
    }
    expected.sort_by_key(|file| file.hash);
    store.put(tenant("2"), OTTER).await;
    // It is no file.
    store.snapshots.replace(of, snapshot(vec![Ok(OTTER)])).await.unwrap();
    let mut tenants = vec![of, tenant("2")];
    tenants.sort_unstable();
    assert_eq!(upkeep.tenants().await.unwrap(), tenants);
    assert_eq!(upkeep.list(of, None, 1000).await.unwrap(), expected);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = upkeep.list(of, after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.hash);
        listed.push(page);
    }
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 1]);
    assert_eq!(listed.concat(), expected);
}

async fn a_probe_and_tidying_leave_everything_as_it_is(store: &Opened) {
    store.put(tenant("1"), OTTER).await;
    let before = names(&store.root);
    store.upkeep.probe().await.unwrap();
    assert_eq!(store.upkeep.tidy().await.unwrap(), 0);
    assert_eq!(names(&store.root), before);
}

async fn a_snapshot_replaces_the_one_before_once_it_is_whole(store: &Opened) {
    let (snapshots, of) = (&*store.snapshots, tenant("1"));
    let found = async || {
        let pieces: Vec<Bytes> = snapshots.find(of).await.unwrap()?.bytes.try_collect().await.unwrap();
        Some(pieces.concat())
    };
    assert_eq!(found().await, None);
    let size = snapshots.replace(of, snapshot(vec![Ok(&OTTER[..5]), Ok(&OTTER[5..])])).await.unwrap();
    assert_eq!(size, OTTER.len() as u64);
    assert_eq!(found().await.unwrap(), OTTER);
    let broken = snapshots.replace(of, snapshot(vec![Ok(b"new"), Err(io::Error::other("the disk failed"))])).await;
    assert!(broken.is_err());
    assert_eq!(found().await.unwrap(), OTTER);
    snapshots.replace(of, snapshot(vec![Ok(b"new")])).await.unwrap();
    assert_eq!(found().await.unwrap(), b"new");
    assert_eq!(store.count(), 1);
    snapshots.delete(of).await.unwrap();
    snapshots.delete(of).await.unwrap();
    assert_eq!(found().await, None);
    snapshots.replace(of, snapshot(vec![Ok(b"new")])).await.unwrap();
    store.media.delete_all(of).await.unwrap();
    assert_eq!((found().await, names(&store.root)), (None, Vec::new()), "it goes with the tenant");
}

async fn snapshots_of_before_a_time_are_deleted(store: &Opened) {
    let snapshots = &*store.snapshots;
    assert_eq!(snapshots.delete_before(Timestamp::MAX).await.unwrap(), 0, "there is none yet");
    let [with, without] = ["1", "2"].map(tenant);
    for of in [with, without] {
        store.put(of, OTTER).await;
    }
    snapshots.replace(with, snapshot(vec![Ok(b"index")])).await.unwrap();
    let stored_at = snapshots.find(with).await.unwrap().unwrap().stored_at;
    assert_eq!(snapshots.delete_before(stored_at).await.unwrap(), 0);
    let later = Timestamp::from_millis(stored_at.as_millis() + 1).unwrap();
    assert_eq!(snapshots.delete_before(later).await.unwrap(), 1);
    assert_eq!(snapshots.delete_before(later).await.unwrap(), 0);
    assert!(snapshots.find(with).await.unwrap().is_none());
    assert_eq!(store.count(), 2, "the files stay");
}
