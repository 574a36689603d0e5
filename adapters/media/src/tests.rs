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
    // The same bytes once more are the same file.
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
async fn what_nobody_waits_for_any_more_leaves_nothing() {
    let (folder, media) = folder();
    let mut put = media.put(tenant("1"), coming(vec![Ok(OTTER)]).chain(stream::pending()).boxed());
    while files(folder.path()).is_empty() {
        assert!(futures::poll!(&mut put).is_pending());
        tokio::task::yield_now().await;
    }
    drop(put);
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
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
