//! Long work.

use async_trait::async_trait;
use domain::job::{Job, JobId, Progress};
use domain::tenant::TenantId;
use mysql_async::{Row, params};
use ports::error::StoreError;
use ports::job::JobRepository;

use crate::row::{Columns, datetime, datetime_if};
use crate::unit::Unit;

const FIND: &str = r"
    SELECT job_id, tenant_id, kind, state, created_at, started_at, ended_at, channels_done, channels_total, messages,
        requests, waits, error
    FROM jobs
    WHERE job_id = :job_id
";

const LIST_UNFINISHED: &str = r"
    SELECT job_id, tenant_id, kind, state, created_at, started_at, ended_at, channels_done, channels_total, messages,
        requests, waits, error
    FROM jobs
    WHERE state IN ('queued', 'running')
    ORDER BY created_at, job_id
    LIMIT :limit
";

const LOCK: &str = r"
    SELECT job_id
    FROM jobs
    WHERE job_id = :job_id
    FOR UPDATE
";

const UPSERT: &str = r"
    INSERT INTO jobs (
        job_id, tenant_id, kind, state, created_at, started_at, ended_at, channels_done, channels_total, messages,
        requests, waits, error
    )
    VALUES (
        :job_id, :tenant_id, :kind, :state, :created_at, :started_at, :ended_at, :channels_done, :channels_total,
        :messages, :requests, :waits, :error
    )
    ON DUPLICATE KEY UPDATE
        tenant_id = VALUES(tenant_id), kind = VALUES(kind), state = VALUES(state), created_at = VALUES(created_at),
        started_at = VALUES(started_at), ended_at = VALUES(ended_at), channels_done = VALUES(channels_done),
        channels_total = VALUES(channels_total), messages = VALUES(messages), requests = VALUES(requests),
        waits = VALUES(waits), error = VALUES(error)
";

fn job(row: Row) -> Result<Job, StoreError> {
    let mut row = Columns::new("jobs", row);
    Ok(Job {
        id: JobId(row.uuid("job_id")?),
        tenant_id: TenantId(row.uuid("tenant_id")?),
        kind: row.parse("kind")?,
        state: row.parse("state")?,
        created_at: row.time("created_at")?,
        started_at: row.optional_time("started_at")?,
        ended_at: row.optional_time("ended_at")?,
        progress: Progress {
            channels_done: row.get("channels_done")?,
            channels_total: row.get("channels_total")?,
            messages: row.get("messages")?,
            requests: row.get("requests")?,
            waits: row.get("waits")?,
        },
        error: row.get("error")?,
    })
}

#[async_trait]
impl JobRepository for Unit {
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.lock(LOCK, params! { "job_id" => id.to_string() }).await?;
        self.row(FIND, params! { "job_id" => id.to_string() }, job).await
    }

    async fn list_unfinished(&mut self, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.rows(LIST_UNFINISHED, params! { "limit" => limit }, job).await
    }

    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError> {
        let parameters = params! {
            "job_id" => job.id.to_string(),
            "tenant_id" => job.tenant_id.to_string(),
            "kind" => job.kind.as_str(),
            "state" => job.state.as_str(),
            "created_at" => datetime(job.created_at),
            "started_at" => datetime_if(job.started_at),
            "ended_at" => datetime_if(job.ended_at),
            "channels_done" => job.progress.channels_done,
            "channels_total" => job.progress.channels_total,
            "messages" => job.progress.messages,
            "requests" => job.progress.requests,
            "waits" => job.progress.waits,
            "error" => job.error.as_deref(),
        };
        self.run(UPSERT, parameters).await.map(drop)
    }
}
