//! For operators: the health of the process, and its metrics.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use super::call::Call;
use super::error::ApiError;
use super::response::{Response, json as response, with_type};

/// The time that the store is given to respond.
const PATIENCE: Duration = Duration::from_millis(900);
/// The type of the metrics, in the text format that Prometheus reads.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reports that the process is live; checks nothing else.
pub(super) async fn healthz(_: &Call<'_>) -> Result<Response, ApiError> {
    Ok(response(StatusCode::OK, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})))
}

/// Returns whether the store responds within a second.
pub(super) async fn readyz(call: &Call<'_>) -> Result<Response, ApiError> {
    match timeout(PATIENCE, call.state.store.status()).await {
        Ok(Ok(status)) => Ok(response(
            StatusCode::OK,
            &json!({
                "status": "ok", "store": status.store, "server_version": status.server_version,
                "schema_version": status.schema_version,
            }),
        )),
        Ok(Err(error)) => {
            warn!(error = &error as &dyn std::error::Error, "store unavailable");
            Err(ApiError::unavailable("the store does not respond"))
        }
        Err(_) => Err(ApiError::unavailable("the store does not respond in time")),
    }
}

/// Returns the metrics of the process.
pub(super) async fn metrics(call: &Call<'_>) -> Result<Response, ApiError> {
    Ok(with_type(StatusCode::OK, METRICS_TYPE, call.state.metrics.encode(call.state.clock.now())))
}
