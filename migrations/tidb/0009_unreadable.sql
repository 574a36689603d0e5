CREATE TABLE IF NOT EXISTS unreadable_messages (
    channel_id    VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    unreadable_id VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    message_id    BIGINT UNSIGNED,
    low           BIGINT UNSIGNED NOT NULL,
    high          BIGINT UNSIGNED NOT NULL,
    reason        MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    raw           MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    first_seen_at DATETIME(3)     NOT NULL,
    last_seen_at  DATETIME(3)     NOT NULL,
    PRIMARY KEY (channel_id, unreadable_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT unreadable_messages_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
