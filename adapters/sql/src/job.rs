//! Jobs.

use async_trait::async_trait;
use domain::job::{Job, JobId, Progress, SyncScope};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::job::{JobCursor, JobRepository};
use ports::page::Page;
use tracing::instrument;

use crate::columns::Columns;
use crate::columns::list_text;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;

/// The statements of a store.
pub trait JobStatements: Session {
    /// Locks a job.
    const LOCK: Option<&'static str> = None;
    /// Finds a job.
    const FIND: &'static str;
    /// Lists the jobs of a tenant below a time and an id, the newest first.
    const LIST: &'static str;
    /// Lists unfinished jobs above a time and an id, or all of them.
    const LIST_UNFINISHED: &'static str;
    /// Stores a job.
    const UPSERT: &'static str;
}

/// A text that follows every id of a job.
const AFTER_EVERY_ID: &str = "~";

impl FromRow for Job {
    const TABLE: &'static str = "jobs";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
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
}

/// Returns the parameters of the statement that stores a job.
fn parameters(job: &Job) -> Parameters<'_> {
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

#[async_trait]
impl<U: JobStatements> JobRepository for SqlUnit<U> {
    #[instrument(name = "db.job.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.0.lock(U::LOCK, parameters! { "job_id" => id.0 }).await?;
        self.0.select_one(U::FIND, parameters! { "job_id" => id.0 }).await
    }

    #[instrument(name = "db.job.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        let parameters = parameters! {
            "tenant_id" => tenant.0,
            "created_at" => page.after.map_or(Timestamp::MAX, |after| after.created_at),
            "job_id" => page.after.map_or_else(|| AFTER_EVERY_ID.to_owned(), |after| after.id.to_string()),
            "limit" => page.limit,
        };
        self.0.select(U::LIST, parameters).await
    }

    #[instrument(name = "db.job.list_unfinished", level = "debug", skip_all, err(level = "trace"))]
    async fn list_unfinished(&mut self, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError> {
        let parameters = parameters! {
            "created_at" => page.after.map(|after| after.created_at),
            "job_id" => page.after.map(|after| after.id.0),
            "limit" => page.limit,
        };
        self.0.select(U::LIST_UNFINISHED, parameters).await
    }

    #[instrument(name = "db.job.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError> {
        self.0.execute(U::UPSERT, parameters(job)).await.map(drop)
    }
}
