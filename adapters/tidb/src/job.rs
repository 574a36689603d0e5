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

    const LOCK: Option<&'static str> = Some(
        r"
        SELECT job_id
        FROM jobs
        WHERE job_id = :job_id
        FOR UPDATE
    ",
    );

    const UPSERT: &'static str = sql! {r"
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
}
