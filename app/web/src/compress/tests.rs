use super::*;

#[tokio::test]
async fn the_best_encoding_is_the_one_that_responses_are_compressed_with() {
    for accepted in [
        "",
        "gzip, deflate, br, zstd",
        "gzip;q=1.0, br;q=0.5",
        "br;q=0.999, gzip;q=0.9",
        "identity;q=1, br;q=0.2",
        "*",
        "*;q=0.1, gzip;q=0",
        "identity;q=0",
        "*;q=0",
        "gzip;q=2, br;q=x, zstd;q=0.1234",
        "X-GZIP",
        "compress, ZSTD;Q=0.7",
        "identity;q=0, gzip;q=0.001",
    ] {
        let accepted = [HeaderValue::from_static(accepted)];
        let whole = Response::new(Bytes::from(vec![b'a'; 4_096]));
        let made = compressed(whole, &accepted).await;
        let expected = match made.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            _ if made.status() != StatusCode::OK => None,
            None => Some(Encoding::Identity),
            Some(name) => Encoding::ALL.into_iter().find(|one| one.name().as_bytes() == name),
        };
        assert_eq!(Encoding::best(&accepted), expected, "{accepted:?}");
    }
}
