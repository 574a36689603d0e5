//! The requests of other processes to this one, if it is a search node.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::info;

use super::call::Call;
use super::error::ApiError;
use super::response::{Response, with_type};

/// The scheme of the credentials: not that of the admin key.
const SCHEME: &[u8] = b"Node ";

/// Returns the response to the body of a request, both as JSON; `None` for a body that is not a request.
type Answer = Box<dyn Fn(Bytes) -> BoxFuture<'static, Option<Bytes>> + Send + Sync>;

/// What makes a process a search node.
pub(super) struct Node {
    /// The hash of the token: comparing hashes takes the same time for every token.
    token: [u8; 32],
    answer: Answer,
}

impl Node {
    pub(super) fn new(token: &[u8], answer: Answer) -> Self {
        Self { token: Sha256::digest(token).into(), answer }
    }
}

/// Answers a request. It has no place in the public document: both sides are parts of the same program.
pub(super) async fn answer(call: &Call<'_>) -> Result<Response, ApiError> {
    let node = call.state.node.as_ref();
    let node = node.ok_or_else(|| ApiError::not_found("this process is not a search node"))?;
    let sent = call.request.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let hash: [u8; 32] = Sha256::digest(sent.strip_prefix(SCHEME).unwrap_or_default()).into();
    if !bool::from(hash.ct_eq(&node.token)) {
        info!(client = %call.request.client, "token of a search node rejected");
        return Err(ApiError::unauthorized());
    }
    let body = (node.answer)(call.request.body.clone()).await;
    let body = body.ok_or_else(|| ApiError::bad_request("the body is not a request to a search node"))?;
    Ok(with_type(StatusCode::OK, "application/json", body))
}
