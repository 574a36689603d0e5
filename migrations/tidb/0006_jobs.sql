CREATE TABLE IF NOT EXISTS jobs (
    job_id         VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    tenant_id      VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    kind           VARCHAR(16)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    state          VARCHAR(16)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    created_at     DATETIME(3)     NOT NULL,
    started_at     DATETIME(3),
    ended_at       DATETIME(3),
    channels_done  BIGINT UNSIGNED NOT NULL,
    channels_total BIGINT UNSIGNED NOT NULL,
    messages       BIGINT UNSIGNED NOT NULL,
    requests       BIGINT UNSIGNED NOT NULL,
    waits          BIGINT UNSIGNED NOT NULL,
    error          MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    PRIMARY KEY (job_id) /*T![clustered_index] CLUSTERED */,
    INDEX jobs_by_state (state, created_at, job_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
