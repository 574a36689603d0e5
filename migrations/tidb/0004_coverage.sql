CREATE TABLE IF NOT EXISTS coverage (
    channel_id    VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    low           BIGINT UNSIGNED,
    high          BIGINT UNSIGNED,
    start_reached BOOLEAN         NOT NULL,
    reason        MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    checked_at    DATETIME(3),
    PRIMARY KEY (channel_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT coverage_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS coverage_segments (
    channel_id  VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    low         BIGINT UNSIGNED NOT NULL,
    high        BIGINT UNSIGNED NOT NULL,
    observed_at DATETIME(3)     NOT NULL,
    PRIMARY KEY (channel_id, low) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT coverage_segments_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
