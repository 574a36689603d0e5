use super::*;

fn parsed(text: &str) -> BucketUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_address_names_a_bucket_a_prefix_an_endpoint_and_a_region() {
    let url = parsed("s3://needles/verta/media?endpoint=http%3A%2F%2Flocalhost%3A9000/&region=garage");
    assert_eq!((&*url.bucket, &*url.prefix, &*url.region), ("needles", "verta/media", "garage"));
    assert_eq!(url.endpoint.as_deref(), Some("http://localhost:9000"));
    let url = parsed("s3://needles?region=eu-central-1");
    assert_eq!((&*url.prefix, &*url.region, url.endpoint), ("", "eu-central-1", None));
    let url = parsed("s3://needles.example/?endpoint=https://store.example.org");
    assert_eq!((&*url.prefix, &*url.region), ("", "us-east-1"));
}

#[test]
fn what_is_no_address_of_a_bucket_is_rejected_with_the_reason() {
    for (text, error) in [
        ("needles", BucketUrlError::Form),
        ("https://needles?region=a", BucketUrlError::Form),
        ("s3://needles?region=a&acl=public", BucketUrlError::Form),
        ("s3://needles?region=a&region=b", BucketUrlError::Form),
        ("s3://needles:9000?region=a", BucketUrlError::Form),
        ("s3://key:secret@needles?region=a", BucketUrlError::Keys),
        ("s3://Needles?region=a", BucketUrlError::Bucket),
        ("s3:///media?region=a", BucketUrlError::Bucket),
        ("s3://ab?region=a", BucketUrlError::Bucket),
        ("s3://needles/a//b?region=a", BucketUrlError::Prefix),
        ("s3://needles/a%20b?region=a", BucketUrlError::Prefix),
        ("s3://needles", BucketUrlError::NoRegion),
        ("s3://needles?region=eu_1", BucketUrlError::Region),
        ("s3://needles?region=", BucketUrlError::Region),
        ("s3://needles?endpoint=localhost:9000", BucketUrlError::Endpoint),
        ("s3://needles?endpoint=http://localhost/path", BucketUrlError::Endpoint),
        ("s3://needles?endpoint=http://key:secret@localhost", BucketUrlError::Endpoint),
    ] {
        let found = text.parse::<BucketUrl>();
        assert_eq!(found, Err(error), "{text}");
        assert!(!found.unwrap_err().to_string().contains("secret"));
    }
}

#[test]
fn keys_do_not_show_themselves() {
    let keys = BucketKeys {
        access_key_id: "hidden-id".to_owned(),
        secret_access_key: "hidden-key".to_owned(),
        session_token: Some("hidden-token".to_owned()),
    };
    assert_eq!(format!("{keys:?}"), "BucketKeys(***)");
}
