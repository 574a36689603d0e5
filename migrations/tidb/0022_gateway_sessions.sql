CREATE TABLE IF NOT EXISTS gateway_sessions (
    account     VARCHAR(64)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    shard_index INT UNSIGNED    NOT NULL,
    shard_count INT UNSIGNED    NOT NULL,
    session_id  VARCHAR(255)    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    resume_url  VARCHAR(1024)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    sequence    BIGINT UNSIGNED NOT NULL,
    updated_at  DATETIME(3)     NOT NULL,
    PRIMARY KEY (account, shard_index) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
