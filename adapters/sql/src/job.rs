//! Jobs.

use domain::job::{Job, JobId, Progress, SyncScope};
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::Columns;
use crate::columns::list_text;
use crate::parameters;
use crate::values::Parameter;

/// Returns a job.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn job(row: &mut impl Columns) -> Result<Job, StoreError> {
    Ok(Job {
        id: JobId(row.uuid("job_id")?),
        tenant_id: TenantId(row.uuid("tenant_id")?),
        kind: row.parse("kind")?,
        scope: SyncScope { channels: row.list("channels")?, since: row.optional_time("since")? },
        state: row.parse("state")?,
        cancel_requested: row.flag("cancel_requested")?,
        created_at: row.time("created_at")?,
        started_at: row.optional_time("started_at")?,
        ended_at: row.optional_time("ended_at")?,
        progress: Progress {
            channels_done: row.number("channels_done")?,
            channels_total: row.number("channels_total")?,
            messages: row.number("messages")?,
            requests: row.number("requests")?,
            waits: row.number("waits")?,
            seconds_left: row.optional_number("seconds_left")?,
        },
        error: row.optional_text("error")?,
        background: row.flag("background")?,
    })
}

/// Returns the parameters of the statement that stores a job.
#[must_use]
pub fn parameters(job: &Job) -> Vec<Parameter<'_>> {
    parameters! {
        "job_id" => job.id.0,
        "tenant_id" => job.tenant_id.0,
        "kind" => job.kind.as_str(),
        "channels" => list_text(&job.scope.channels),
        "since" => job.scope.since,
        "state" => job.state.as_str(),
        "cancel_requested" => job.cancel_requested,
        "created_at" => job.created_at,
        "started_at" => job.started_at,
        "ended_at" => job.ended_at,
        "channels_done" => job.progress.channels_done,
        "channels_total" => job.progress.channels_total,
        "messages" => job.progress.messages,
        "requests" => job.progress.requests,
        "waits" => job.progress.waits,
        "seconds_left" => job.progress.seconds_left,
        "error" => job.error.as_deref(),
        "background" => job.background,
    }
}
