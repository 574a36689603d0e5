//! Jobs.

use adapter_sql::job::{job, parameters};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::job::{Job, JobId};
use domain::tenant::TenantId;
use mysql_async::params;
use ports::error::StoreError;
use ports::job::{JobCursor, JobRepository};
use ports::page::Page;
use tracing::instrument;

use crate::row::{END_OF_TIME, datetime, datetime_if, named, of};
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

const LOCK: &str = r"
    SELECT job_id
    FROM jobs
    WHERE job_id = :job_id
    FOR UPDATE
";

const UPSERT: &str = sql! {r"
    INSERT INTO jobs ({job})
    VALUES ({:job})
    ON DUPLICATE KEY UPDATE
        tenant_id = VALUES(tenant_id), kind = VALUES(kind), channels = VALUES(channels), since = VALUES(since),
        state = VALUES(state), cancel_requested = VALUES(cancel_requested), created_at = VALUES(created_at),
        started_at = VALUES(started_at), ended_at = VALUES(ended_at), channels_done = VALUES(channels_done),
        channels_total = VALUES(channels_total), messages = VALUES(messages), requests = VALUES(requests),
        waits = VALUES(waits), seconds_left = VALUES(seconds_left), error = VALUES(error),
        background = VALUES(background)
"};

#[async_trait]
impl JobRepository for Unit {
    #[instrument(name = "db.job.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.lock(LOCK, params! { "job_id" => id.to_string() }).await?;
        self.row(FIND, params! { "job_id" => id.to_string() }, of("jobs", job)).await
    }

    #[instrument(name = "db.job.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        let parameters = params! {
            "tenant_id" => tenant.to_string(),
            "created_at" => page.after.map_or(END_OF_TIME, |after| datetime(after.created_at)),
            "job_id" => page.after.map_or_else(String::new, |after| after.id.to_string()),
            "limit" => page.limit,
        };
        self.rows(LIST, parameters, of("jobs", job)).await
    }

    #[instrument(name = "db.job.list_unfinished", level = "debug", skip_all, err(level = "trace"))]
    async fn list_unfinished(&mut self, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        let parameters = params! {
            "created_at" => datetime_if(page.after.map(|after| after.created_at)),
            "job_id" => page.after.map(|after| after.id.to_string()),
            "limit" => page.limit,
        };
        self.rows(LIST_UNFINISHED, parameters, of("jobs", job)).await
    }

    #[instrument(name = "db.job.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError> {
        self.run(UPSERT, named(parameters(job))).await.map(drop)
    }
}
