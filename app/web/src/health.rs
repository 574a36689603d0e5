//! The health of the process: live, and ready.

use std::time::Duration;

use http::StatusCode;
use ports::store::Store;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use super::answer::{Answer, json as answer};
use super::error::ApiError;

/// The time that the store is given to respond.
const PATIENCE: Duration = Duration::from_millis(900);

/// Answers that the process is live; checks nothing else.
pub(crate) fn healthz() -> Answer {
    answer(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// Returns whether the store responds within a second.
pub(crate) async fn readyz(store: &dyn Store) -> Result<Answer, ApiError> {
    match timeout(PATIENCE, store.status()).await {
        Ok(Ok(status)) => Ok(answer(
            StatusCode::OK,
            &json!({
                "status": "ok", "store": status.store, "server_version": status.server_version,
                "schema_version": status.schema_version,
            }),
        )),
        Ok(Err(error)) => {
            warn!(error = &error as &dyn std::error::Error, "store unavailable");
            Err(ApiError::unavailable("the store does not answer"))
        }
        Err(_) => Err(ApiError::unavailable("the store does not answer in time")),
    }
}
