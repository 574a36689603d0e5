//! Jobs.

use adapter_sql::job::JobStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl JobStatements for Unit {
    const FIND: &'static str = sql! {r"
        SELECT {job}
        FROM jobs
        WHERE job_id = :job_id
    "};

    const LIST: &'static str = sql! {r"
        SELECT {job}
        FROM jobs
        WHERE tenant_id = :tenant_id
            AND created_at <= :created_at
            AND (created_at < :created_at OR job_id < :job_id)
        ORDER BY created_at DESC, job_id DESC
        LIMIT :limit
    "};

    const LIST_UNFINISHED: &'static str = sql! {r"
        SELECT {job}
        FROM jobs
        WHERE state IN ('queued', 'running')
            AND (:created_at IS NULL OR created_at > :created_at OR (created_at = :created_at AND job_id > :job_id))
        ORDER BY created_at, job_id
        LIMIT :limit
    "};

    const UPSERT: &'static str = sql! {r"
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
}
