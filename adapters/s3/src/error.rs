//! What an error of the store means, and what an operator can do.

use std::error::Error;
use std::io::{self, ErrorKind};

use object_store::client::{HttpError, HttpErrorKind};

/// A failed call of the store.
#[derive(Debug, thiserror::Error)]
#[error("the S3 store {what}: {advice}")]
pub(crate) struct BucketError {
    what: String,
    advice: &'static str,
}

/// The codes of S3 with what they are for a caller and what to do
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const CODES: &[(&str, ErrorKind, &str)] = &[
    ("NoSuchBucket", ErrorKind::InvalidInput, "create the bucket, or correct its name in MEDIA_URL"),
    (
        "AccessDenied",
        ErrorKind::PermissionDenied,
        "allow the key s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and \
         s3:AbortMultipartUpload on its objects",
    ),
    ("InvalidAccessKeyId", ErrorKind::PermissionDenied, "correct AWS_ACCESS_KEY_ID"),
    ("SignatureDoesNotMatch", ErrorKind::PermissionDenied, "correct AWS_SECRET_ACCESS_KEY"),
    ("InvalidToken", ErrorKind::PermissionDenied, "correct or unset AWS_SESSION_TOKEN"),
    ("ExpiredToken", ErrorKind::PermissionDenied, "AWS_SESSION_TOKEN has expired: start again with new keys"),
    ("RequestTimeTooSkewed", ErrorKind::PermissionDenied, "set the clock of this machine"),
    ("AuthorizationHeaderMalformed", ErrorKind::InvalidInput, "correct the region in MEDIA_URL"),
    ("PermanentRedirect", ErrorKind::InvalidInput, "correct the region or the endpoint in MEDIA_URL"),
    ("SlowDown", ErrorKind::ResourceBusy, "it has too many requests at the moment; they are repeated later"),
    ("NotImplemented", ErrorKind::Unsupported, "it lacks a part of S3 that is needed: choose another store"),
    ("EntityTooLarge", ErrorKind::FileTooLarge, "lower MEDIA_FILE_MIB"),
    ("QuotaExceeded", ErrorKind::StorageFull, "it is full: make room"),
];

/// Returns an error of the store without its response, which can name the id of a key.
pub(crate) fn io_error(error: &object_store::Error) -> io::Error {
    let text = error.to_string();
    if let Some(code) = code(&text) {
        let (kind, advice) = CODES
            .iter()
            .find(|(known, ..)| *known == code)
            .map_or((ErrorKind::Other, "see the documentation of the store"), |(_, kind, advice)| (*kind, *advice));
        return io::Error::new(kind, BucketError { what: format!("answered {code}"), advice });
    }
    let mut causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source());
    if let Some(http) = causes.find_map(|cause| cause.downcast_ref::<HttpError>()) {
        let what = http.source().map_or_else(|| http.to_string(), innermost);
        let kind = match http.kind() {
            HttpErrorKind::Connect => ErrorKind::NotConnected,
            HttpErrorKind::Timeout => ErrorKind::TimedOut,
            _ => ErrorKind::ConnectionAborted,
        };
        let advice = "check that it runs and can be reached, and the endpoint in MEDIA_URL";
        return io::Error::new(kind, BucketError { what: format!("cannot be reached ({what})"), advice });
    }
    let (kind, what, advice) = match error {
        object_store::Error::NotFound { .. } => (ErrorKind::Other, "has no such object", "it is fetched again"),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            (ErrorKind::PermissionDenied, "denied access", "check the keys and their permissions")
        }
        // Only AWS responds so.
        _ if text.contains("redirect") => {
            (ErrorKind::InvalidInput, "is elsewhere", "correct the region or the endpoint in MEDIA_URL")
        }
        _ => {
            let what = status(&text).map_or("answered unexpectedly".to_owned(), |status| format!("answered {status}"));
            let advice = "check that the endpoint in MEDIA_URL is that of S3";
            return io::Error::other(BucketError { what, advice });
        }
    };
    io::Error::new(kind, BucketError { what: what.to_owned(), advice })
}

/// Returns whether an error says that there is no such object: a missing bucket is not a missing object.
pub(crate) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && code(&error.to_string()).is_none_or(|code| code == "NoSuchKey")
}

/// Returns whether an error says that an object has no byte of the requested range.
pub(crate) fn is_beyond(error: &object_store::Error) -> bool {
    error.to_string().contains("416 Range Not Satisfiable")
}

/// Returns the code in the text of an error: that of the response, or of one of the objects that it was to delete.
fn code(text: &str) -> Option<&str> {
    let found = |before, after| text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    let (code, _) = found("<Code>", "</Code>").or_else(|| found("(code: ", ")"))?;
    let is_plain = (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then_some(code)
}

/// Returns the status in the text of an error.
fn status(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.split(':').next().filter(|status| status.len() < 64)
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}
