use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::tenant::{Platform, PlatformId};
use futures::{StreamExt, stream};
use ports::media::{KeptFile, MockMediaStore};
use ports::thumbnail::MockThumbnailer;
use tokio::sync::Notify;

use super::*;

const HASH: ContentHash = ContentHash::new([7; 32]);

fn tenant() -> TenantId {
    TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap())
}

/// Returns a store that has one file of this size, and keeps thumbnails.
fn media(size_bytes: u64, is_deleted: bool) -> MockMediaStore {
    let mut media = MockMediaStore::new();
    let stored: Arc<Mutex<BTreeMap<ThumbnailWidth, Bytes>>> = Arc::default();
    let kept = Arc::clone(&stored);
    media.expect_open_thumbnail().returning(move |_, _, width| Ok(kept.lock().unwrap().get(&width).cloned()));
    let kept = Arc::clone(&stored);
    media.expect_put_thumbnail().returning(move |_, _, width, bytes| {
        kept.lock().unwrap().insert(width, bytes);
        Ok(())
    });
    media.expect_open().returning(move |_, _, _, most| {
        let bytes = stream::iter([Ok(Bytes::from_static(b"picture"))]).boxed();
        Ok((most > 0 || !is_deleted).then_some(KeptFile { size_bytes, bytes }))
    });
    media.expect_delete_one().times(if is_deleted { 2 } else { 0 }).returning(move |_, _| {
        stored.lock().unwrap().clear();
        Ok(())
    });
    media
}

fn thumbnails(media: MockMediaStore, thumbnailer: MockThumbnailer) -> Thumbnails {
    Thumbnails::new(Arc::new(media), Arc::new(thumbnailer))
}

#[tokio::test]
async fn a_thumbnail_is_made_once_and_readers_at_the_same_time_share_it() {
    let mut thumbnailer = MockThumbnailer::new();
    thumbnailer.expect_thumbnail().once().returning(|picture, _| {
        assert_eq!(picture, "picture");
        Some(Bytes::from_static(b"small"))
    });
    let thumbnails = thumbnails(media(7, false), thumbnailer);
    let readers = (0..20).map(|_| thumbnails.find(tenant(), HASH, ThumbnailWidth::Narrow));
    for found in futures::future::join_all(readers).await {
        assert_eq!(found.unwrap().unwrap(), "small");
    }
    assert_eq!(thumbnails.find(tenant(), HASH, ThumbnailWidth::Narrow).await.unwrap().unwrap(), "small");
    assert!(thumbnails.0.making().is_empty());
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_next_reader_tries_again() {
    let mut thumbnailer = MockThumbnailer::new();
    thumbnailer.expect_thumbnail().once().returning(|_, _| panic!("as a decoder may"));
    thumbnailer.expect_thumbnail().once().returning(|_, _| Some(Bytes::from_static(b"small")));
    let thumbnails = thumbnails(media(7, false), thumbnailer);
    let find = || thumbnails.find(tenant(), HASH, ThumbnailWidth::Narrow);
    assert!(find().await.is_err());
    assert_eq!(find().await.unwrap().unwrap(), "small");
}

#[tokio::test]
async fn one_picture_at_a_time_is_in_memory() {
    let opened = Arc::new(AtomicU32::new(0));
    let mut media = MockMediaStore::new();
    media.expect_open_thumbnail().returning(|_, _, _| Ok(None));
    media.expect_put_thumbnail().returning(|_, _, _, _| Ok(()));
    let count = Arc::clone(&opened);
    media.expect_open().returning(move |_, _, _, most| {
        count.fetch_add(u32::from(most > 0), Ordering::Relaxed);
        // Other tasks run before the picture is read.
        let bytes = stream::once(async {
            tokio::task::yield_now().await;
            Ok(Bytes::from_static(b"picture"))
        });
        Ok(Some(KeptFile { size_bytes: 7, bytes: bytes.boxed() }))
    });
    let mut thumbnailer = MockThumbnailer::new();
    let mut made = 0;
    thumbnailer.expect_thumbnail().times(2).returning(move |_, _| {
        made += 1;
        assert_eq!(opened.load(Ordering::Relaxed), made);
        Some(Bytes::from_static(b"small"))
    });
    let thumbnails = thumbnails(media, thumbnailer);
    let find = |width| thumbnails.find(tenant(), HASH, width);
    let (narrow, wide) = tokio::join!(find(ThumbnailWidth::Narrow), find(ThumbnailWidth::Wide));
    assert_eq!((narrow.unwrap().unwrap(), wide.unwrap().unwrap()), ("small".into(), "small".into()));
}

#[tokio::test]
async fn a_picture_without_a_thumbnail_is_tried_once() {
    let mut thumbnailer = MockThumbnailer::new();
    thumbnailer.expect_thumbnail().once().returning(|_, _| None);
    let thumbnails = thumbnails(media(7, false), thumbnailer);
    for _ in 0..3 {
        assert_eq!(thumbnails.find(tenant(), HASH, ThumbnailWidth::Wide).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read() {
    let thumbnails = thumbnails(media(MOST_BYTES + 1, false), MockThumbnailer::new());
    assert_eq!(thumbnails.find(tenant(), HASH, ThumbnailWidth::Wide).await.unwrap(), None);
}

#[tokio::test]
async fn a_file_that_was_deleted_meanwhile_leaves_no_thumbnail() {
    let mut thumbnailer = MockThumbnailer::new();
    thumbnailer.expect_thumbnail().times(2).returning(|_, _| Some(Bytes::from_static(b"small")));
    let thumbnails = thumbnails(media(7, true), thumbnailer);
    // Nothing is stored after the first attempt, so that the second one makes it, too.
    for _ in 0..2 {
        assert_eq!(thumbnails.find(tenant(), HASH, ThumbnailWidth::Wide).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_reader_who_leaves_does_not_end_the_work() {
    let (begun, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut media = MockMediaStore::new();
    media.expect_open_thumbnail().returning(|_, _, _| Ok(None));
    let opened = Arc::clone(&begun);
    media.expect_open().returning(move |_, _, _, _| {
        opened.notify_one();
        Ok(Some(KeptFile { size_bytes: 1, bytes: stream::iter([Ok(Bytes::from_static(b"p"))]).boxed() }))
    });
    let put = Arc::clone(&done);
    media.expect_put_thumbnail().once().returning(move |_, _, _, _| {
        put.notify_one();
        Ok(())
    });
    let mut thumbnailer = MockThumbnailer::new();
    thumbnailer.expect_thumbnail().returning(|_, _| None);
    let thumbnails = thumbnails(media, thumbnailer);
    let reader = thumbnails.find(tenant(), HASH, ThumbnailWidth::Wide);
    tokio::select! {
        biased;
        () = begun.notified() => {}
        _ = reader => {}
    }
    done.notified().await;
}
