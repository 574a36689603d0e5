//! The requests of other processes to this one, if it is a search node.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::StatusCode;

use super::call::Call;
use super::error::ApiError;
use super::response::{Response, with_type};

/// Returns the response to the body of a request, both as JSON; `None` for a body that is not a request.
pub(super) type Answer = Box<dyn Fn(Bytes) -> BoxFuture<'static, Option<Bytes>> + Send + Sync>;

/// Answers a request. It has no place in the public document: both sides are parts of the same program.
pub(super) async fn answer(call: &Call<'_>) -> Result<Response, ApiError> {
    let answer = call.state.node.as_ref();
    let answer = answer.ok_or_else(|| ApiError::not_found("this process is not a search node"))?;
    let body = answer(call.request.body.clone()).await;
    let body = body.ok_or_else(|| ApiError::bad_request("the body is not a request to a search node"))?;
    Ok(with_type(StatusCode::OK, "application/json", body))
}
