//! Whether the process lives, and whether it can work.

use std::time::Duration;

use http::StatusCode;
use ports::store::Store;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use super::answer::{Answer, json as answer};
use super::error::ApiError;

/// How long the store may take to say that it is there.
const PATIENCE: Duration = Duration::from_millis(900);

/// That the process lives; touches nothing else.
pub(crate) fn healthz() -> Answer {
    answer(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// Whether the store answers, within a second.
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
