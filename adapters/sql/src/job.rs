//! Jobs.

use domain::job::{Job, JobId, Progress, SyncScope};
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::Columns;

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
