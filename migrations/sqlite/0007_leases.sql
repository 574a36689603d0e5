CREATE TABLE IF NOT EXISTS leases (
    lease_name TEXT    NOT NULL,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT leases_primary PRIMARY KEY (lease_name)
) STRICT, WITHOUT ROWID;

ALTER TABLE channels ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

ALTER TABLE jobs ADD COLUMN channels TEXT;
ALTER TABLE jobs ADD COLUMN since INTEGER;
ALTER TABLE jobs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN seconds_left INTEGER;

CREATE INDEX IF NOT EXISTS jobs_by_tenant ON jobs (tenant_id, created_at, job_id);
