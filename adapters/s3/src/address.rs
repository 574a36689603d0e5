//! The address of a bucket, and the keys for it.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The region of requests to an endpoint that the operator chose: most such stores have no regions, and accept this
/// one.
const DEFAULT_REGION: &str = "us-east-1";
/// The expected form.
const FORM: &str = "expected s3://BUCKET/PREFIX?region=REGION, or with endpoint=https://HOST for a store of another \
                    provider than AWS";

/// An address that is not one of a bucket. It never repeats the value, because an address can contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketUrlError {
    /// It is not of the form that is expected.
    #[error("{FORM}")]
    Form,
    /// It contains a user or a password.
    #[error("the keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into the address")]
    Keys,
    /// The name of the bucket is invalid.
    #[error("a bucket has a name of 3 to 63 lower-case letters, digits, dots and hyphens")]
    Bucket,
    /// A part of the prefix is invalid.
    #[error("a prefix has parts of letters, digits, dots, hyphens and underscores, such as verta/media")]
    Prefix,
    /// The endpoint is not an address.
    #[error("the endpoint is not an address such as https://s3.example.org or http://localhost:9000, without a path")]
    Endpoint,
    /// The region is invalid.
    #[error("a region has letters, digits and hyphens, such as eu-central-1")]
    Region,
    /// AWS needs a region.
    #[error("a bucket of AWS needs its region, such as region=eu-central-1")]
    NoRegion,
}

/// The address of a bucket: `s3://BUCKET/PREFIX?endpoint=URL&region=REGION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    /// The name of the bucket.
    pub(crate) bucket: String,
    /// The prefix of all names, without a slash at its ends; it can be empty.
    pub(crate) prefix: String,
    /// The address of the store, unless it is AWS. Its requests name the bucket in the path.
    pub(crate) endpoint: Option<String>,
    /// The region.
    pub(crate) region: String,
}

impl FromStr for BucketUrl {
    type Err = BucketUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| BucketUrlError::Form)?;
        if url.scheme() != "s3" || url.port().is_some() || url.fragment().is_some() {
            return Err(BucketUrlError::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BucketUrlError::Keys);
        }
        let (mut endpoint, mut region) = (None, None);
        for (name, value) in url.query_pairs() {
            let slot = match &*name {
                "endpoint" => &mut endpoint,
                "region" => &mut region,
                _ => return Err(BucketUrlError::Form),
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(BucketUrlError::Form);
            }
        }
        let bucket = bucket(url.host_str().unwrap_or_default())?;
        let prefix = prefix(url.path().trim_matches('/'))?;
        let endpoint = endpoint.as_deref().map(self::endpoint).transpose()?;
        let region = match (region, &endpoint) {
            (Some(region), _) => self::region(region)?,
            (None, Some(_)) => DEFAULT_REGION.to_owned(),
            (None, None) => return Err(BucketUrlError::NoRegion),
        };
        Ok(Self { bucket, prefix, endpoint, region })
    }
}

fn bucket(name: &str) -> Result<String, BucketUrlError> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    let valid = (3..=63).contains(&name.len()) && name.bytes().all(plain);
    if valid { Ok(name.to_owned()) } else { Err(BucketUrlError::Bucket) }
}

fn prefix(path: &str) -> Result<String, BucketUrlError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    let valid = path.is_empty() || path.split('/').all(part);
    if valid && path.len() <= 512 { Ok(path.to_owned()) } else { Err(BucketUrlError::Prefix) }
}

fn endpoint(text: &str) -> Result<String, BucketUrlError> {
    let url = Url::parse(text).map_err(|_| BucketUrlError::Endpoint)?;
    let has_host = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !has_host || !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err(BucketUrlError::Endpoint);
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn region(text: String) -> Result<String, BucketUrlError> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    if !text.is_empty() && text.bytes().all(plain) { Ok(text) } else { Err(BucketUrlError::Region) }
}

/// The keys for a bucket. The debug form shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketKeys {
    /// The id of the access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The token of a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for BucketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketKeys(***)")
    }
}

#[cfg(test)]
mod tests;
