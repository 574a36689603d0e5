//! Long work.

use async_trait::async_trait;
use domain::job::{Job, JobId, JobKind, JobState, Progress};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::job::JobRepository;
use rusqlite::named_params;

use crate::error::store_error;
use crate::row::{Columns, Text, execute, millis, query, query_one};
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

const UPSERT: &str = r"
    INSERT INTO jobs (
        job_id, tenant_id, kind, state, created_at, started_at, ended_at, channels_done, channels_total, messages,
        requests, waits, error
    )
    VALUES (
        :job_id, :tenant_id, :kind, :state, :created_at, :started_at, :ended_at, :channels_done, :channels_total,
        :messages, :requests, :waits, :error
    )
    ON CONFLICT (job_id) DO UPDATE
    SET tenant_id = excluded.tenant_id, kind = excluded.kind, state = excluded.state,
        created_at = excluded.created_at, started_at = excluded.started_at, ended_at = excluded.ended_at,
        channels_done = excluded.channels_done, channels_total = excluded.channels_total,
        messages = excluded.messages, requests = excluded.requests, waits = excluded.waits, error = excluded.error
";

fn job(row: &Columns<'_, '_>) -> Result<Job, StoreError> {
    Ok(Job {
        id: JobId(row.uuid("job_id")?),
        tenant_id: TenantId(row.uuid("tenant_id")?),
        kind: row.parse::<JobKind>("kind")?,
        state: row.parse::<JobState>("state")?,
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
        self.run(move |connection| query_one(connection, "jobs", FIND, named_params! {":job_id": Text(id.0)}, job))
            .await
    }

    async fn list_unfinished(&mut self, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.run(move |connection| query(connection, "jobs", LIST_UNFINISHED, named_params! {":limit": limit}, job))
            .await
    }

    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError> {
        let job = job.clone();
        self.run(move |connection| {
            let parameters = named_params! {
                ":job_id": Text(job.id.0),
                ":tenant_id": Text(job.tenant_id.0),
                ":kind": job.kind.as_str(),
                ":state": job.state.as_str(),
                ":created_at": millis(job.created_at),
                ":started_at": job.started_at.map(millis),
                ":ended_at": job.ended_at.map(millis),
                ":channels_done": job.progress.channels_done,
                ":channels_total": job.progress.channels_total,
                ":messages": job.progress.messages,
                ":requests": job.progress.requests,
                ":waits": job.progress.waits,
                ":error": job.error,
            };
            execute(connection, UPSERT, parameters).map(drop).map_err(store_error)
        })
        .await
    }
}
