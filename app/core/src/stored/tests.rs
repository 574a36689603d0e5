use domain::media::{ContentHash, FileFormat};
use domain::tenant::{Platform, PlatformId};
use futures::{FutureExt, stream};
use ports::media::MockMediaStore;

use super::*;

/// Returns the format of a file that arrives in these pieces.
async fn format_of(pieces: &[&[u8]]) -> FileFormat {
    let mut media = MockMediaStore::new();
    media.expect_put().returning(|_, bytes| {
        // All pieces are there at once.
        let pieces = bytes.collect::<Vec<_>>().now_or_never().unwrap();
        Ok((ContentHash::new([1; 32]), pieces.into_iter().map(|piece| piece.unwrap().len() as u64).sum()))
    });
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(piece.to_vec().into())).collect();
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    let (stored, _) = store_bytes(&media, tenant, stream::iter(pieces).boxed()).await.unwrap();
    let FileState::Stored { content: Some(content), .. } = stored else { panic!("{stored:?}") };
    content.format
}

#[tokio::test]
async fn the_format_is_that_of_the_first_bytes_however_they_arrive() {
    let long = vec![0_u8; 2 * HEAD_BYTES];
    assert_eq!(format_of(&[b"\x89P", b"", b"NG\r\n\x1a\n", &long]).await, FileFormat::Png);
    assert_eq!(format_of(&[&long, b"\x89PNG\r\n\x1a\n"]).await, FileFormat::Other);
    assert_eq!(format_of(&[]).await, FileFormat::Other);
}
