CREATE TABLE IF NOT EXISTS media (
    channel_id    VARCHAR(36)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message_id    BIGINT UNSIGNED  NOT NULL,
    attachment_id BIGINT UNSIGNED  NOT NULL,
    tenant_id     VARCHAR(36)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state         TINYINT UNSIGNED NOT NULL,
    tries         INT UNSIGNED     NOT NULL,
    due_at        DATETIME(3),
    hash          VARCHAR(64)      CHARACTER SET ascii COLLATE ascii_bin,
    size_bytes    BIGINT UNSIGNED,
    PRIMARY KEY (channel_id, message_id, attachment_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT media_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE,
    INDEX media_due (tenant_id, due_at, channel_id, message_id, attachment_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
