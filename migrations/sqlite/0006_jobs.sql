CREATE TABLE IF NOT EXISTS jobs (
    job_id         TEXT    NOT NULL,
    tenant_id      TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    ended_at       INTEGER,
    channels_done  INTEGER NOT NULL,
    channels_total INTEGER NOT NULL,
    messages       INTEGER NOT NULL,
    requests       INTEGER NOT NULL,
    waits          INTEGER NOT NULL,
    error          TEXT,
    CONSTRAINT jobs_primary PRIMARY KEY (job_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created_at, job_id);
