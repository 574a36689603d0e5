use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::*;

fn decoded(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match encoding {
        Encoding::Identity => decoded.extend_from_slice(body),
        Encoding::Gzip => drop(MultiGzDecoder::new(body).read_to_end(&mut decoded).unwrap()),
        Encoding::Brotli => brotli::BrotliDecompress(&mut &*body, &mut decoded).unwrap(),
        Encoding::Zstd => decoded = zstd::bulk::decompress(body, 16 << 20).unwrap(),
    }
    decoded
}

#[test]
fn the_most_preferred_encoding_is_used() {
    for (accepted, expected) in [
        ("", Some(Encoding::Identity)),
        ("gzip, deflate, br, zstd", Some(Encoding::Zstd)),
        ("gzip;q=1.0, br;q=0.5", Some(Encoding::Gzip)),
        ("br;q=0.999, gzip;q=0.9", Some(Encoding::Brotli)),
        ("identity;q=1, br;q=0.2", Some(Encoding::Identity)),
        ("*", Some(Encoding::Zstd)),
        ("*;q=0.1, gzip;q=0", Some(Encoding::Zstd)),
        ("identity;q=0", None),
        ("*;q=0", None),
        ("gzip;q=2, br;q=x, zstd;q=0.1234", Some(Encoding::Identity)),
        ("X-GZIP", Some(Encoding::Gzip)),
        ("compress, ZSTD;Q=0.7", Some(Encoding::Zstd)),
        ("identity;q=0, gzip;q=0.001", Some(Encoding::Gzip)),
    ] {
        let accepted = [HeaderValue::from_static(accepted)];
        assert_eq!(Encoding::best(&accepted), expected, "{accepted:?}");
        let made = encoded(Response::new(Bytes::from(vec![b'a'; 4_096])), &accepted);
        let name = made.headers().get(header::CONTENT_ENCODING).map(|name| name.to_str().unwrap().to_owned());
        let named = expected.filter(|one| *one != Encoding::Identity).map(|one| one.name().to_owned());
        let status = if expected.is_some() { StatusCode::OK } else { StatusCode::NOT_ACCEPTABLE };
        assert_eq!((name, made.status()), (named, status), "{accepted:?}");
        assert_eq!(made.headers()[header::VARY], "accept-encoding");
    }
}

#[test]
fn a_body_of_any_size_comes_back_from_each_encoding() {
    for size in [MIN_COMPRESSED, 33_000, LARGE, LARGE + 1, 3 << 20] {
        let body: Vec<u8> = (0..size).map(|index| u8::try_from(index * index % 251).unwrap()).collect();
        for encoding in Encoding::ALL {
            let accepted = [HeaderValue::from_static(encoding.name())];
            let mut whole = Response::new(Bytes::from(body.clone()));
            whole.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            let made = encoded(whole, &accepted);
            let is_encoded = encoding != Encoding::Identity;
            assert_eq!(made.headers().contains_key(header::CONTENT_ENCODING), is_encoded);
            assert_eq!(made.headers().contains_key(header::CONTENT_LENGTH), !is_encoded);
            assert!(decoded(encoding, made.body()) == body, "{encoding:?} of {size} bytes");
        }
    }
}

#[test]
fn small_bodies_pictures_and_files_are_sent_as_they_are() {
    let sent = |name, value: &'static str, size| {
        let mut whole = Response::new(Bytes::from(vec![b'a'; size]));
        whole.headers_mut().insert(name, HeaderValue::from_static(value));
        encoded(whole, &[HeaderValue::from_static("gzip")])
    };
    for (name, value, size) in [
        (header::CONTENT_TYPE, "text/html", MIN_COMPRESSED - 1),
        (header::CONTENT_TYPE, "image/png", MIN_COMPRESSED),
        (header::ACCEPT_RANGES, "bytes", MIN_COMPRESSED),
        (header::CONTENT_RANGE, "bytes 0-1023/2048", MIN_COMPRESSED),
        (header::CONTENT_ENCODING, "br", MIN_COMPRESSED),
    ] {
        let made = sent(name.clone(), value, size);
        assert_eq!((made.body().len(), made.headers().get(header::VARY)), (size, None), "{name}: {value}");
    }
    for (value, size) in [("text/html", MIN_COMPRESSED), ("image/svg+xml", MIN_COMPRESSED)] {
        assert_eq!(sent(header::CONTENT_TYPE, value, size).headers()[header::CONTENT_ENCODING], "gzip");
    }
    let made = sent(header::VARY, "Origin, Accept-Encoding", MIN_COMPRESSED);
    assert_eq!(made.headers().get_all(header::VARY).iter().count(), 1, "it is said once");
}
