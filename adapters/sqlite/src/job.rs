//! Jobs.

use adapter_sql::job::{job, parameters};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::job::{Job, JobId};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::job::{JobCursor, JobRepository};
use ports::page::Page;
use rusqlite::named_params;
use tracing::instrument;

use crate::error::store_error;
use crate::row::{Text, millis, query, query_one, store};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {job}
    FROM jobs
    WHERE job_id = :job_id
"};

const LIST: &str = sql! {r"
    SELECT {job}
    FROM jobs
    WHERE tenant_id = :tenant_id
        AND created_at <= :created_at
        AND (created_at < :created_at OR job_id < :job_id)
    ORDER BY created_at DESC, job_id DESC
    LIMIT :limit
"};

const LIST_UNFINISHED: &str = sql! {r"
    SELECT {job}
    FROM jobs
    WHERE state IN ('queued', 'running')
        AND (:created_at IS NULL OR created_at > :created_at OR (created_at = :created_at AND job_id > :job_id))
    ORDER BY created_at, job_id
    LIMIT :limit
"};

const UPSERT: &str = sql! {r"
    INSERT INTO jobs ({job})
    VALUES ({:job})
    ON CONFLICT (job_id) DO UPDATE
    SET tenant_id = excluded.tenant_id, kind = excluded.kind, channels = excluded.channels, since = excluded.since,
        state = excluded.state, cancel_requested = excluded.cancel_requested, created_at = excluded.created_at,
        started_at = excluded.started_at, ended_at = excluded.ended_at, channels_done = excluded.channels_done,
        channels_total = excluded.channels_total, messages = excluded.messages, requests = excluded.requests,
        waits = excluded.waits, seconds_left = excluded.seconds_left, error = excluded.error,
        background = excluded.background
"};

#[async_trait]
impl JobRepository for Unit {
    #[instrument(name = "db.job.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.run(move |connection| {
            query_one(connection, "jobs", FIND, named_params! {":job_id": Text(id.0)}, |row| job(row))
        })
        .await
    }

    #[instrument(name = "db.job.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {
                ":tenant_id": Text(tenant.0),
                ":created_at": page.after.map_or(i64::MAX, |after| millis(after.created_at)),
                ":job_id": page.after.map(|after| Text(after.id.0)),
                ":limit": page.limit,
            };
            query(connection, "jobs", LIST, parameters, |row| job(row))
        })
        .await
    }

    #[instrument(name = "db.job.list_unfinished", level = "debug", skip_all, err(level = "trace"))]
    async fn list_unfinished(&mut self, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {
                ":created_at": page.after.map(|after| millis(after.created_at)),
                ":job_id": page.after.map(|after| Text(after.id.0)),
                ":limit": page.limit,
            };
            query(connection, "jobs", LIST_UNFINISHED, parameters, |row| job(row))
        })
        .await
    }

    #[instrument(name = "db.job.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError> {
        let job = job.clone();
        self.run(move |connection| store(connection, UPSERT, parameters(&job)).map(drop).map_err(store_error)).await
    }
}
