ALTER TABLE tenants ADD COLUMN IF NOT EXISTS retention_deleted_days SMALLINT UNSIGNED DEFAULT 0;

ALTER TABLE tenants ADD COLUMN IF NOT EXISTS retention_edited_days SMALLINT UNSIGNED DEFAULT 0;

-- The text of an unedited message has the edit time 1970-01-01.
CREATE TABLE IF NOT EXISTS message_versions (
    channel_id  VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    message_id  BIGINT UNSIGNED NOT NULL,
    edited_at   DATETIME(3)     NOT NULL,
    tenant_id   VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    content     MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    embeds      JSON,
    observed_at DATETIME(3)     NOT NULL,
    replaced_at DATETIME(3)     NOT NULL,
    is_deletion BOOLEAN         NOT NULL,
    PRIMARY KEY (channel_id, message_id, edited_at) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT message_versions_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE,
    INDEX message_versions_replaced (tenant_id, is_deletion, replaced_at, channel_id, message_id, edited_at)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The message id 0 stands for all messages of a channel.
CREATE TABLE IF NOT EXISTS removals (
    channel_id VARCHAR(36)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    message_id BIGINT UNSIGNED NOT NULL,
    due_at     DATETIME(3)     NOT NULL,
    PRIMARY KEY (channel_id, message_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT removals_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE,
    INDEX removals_due (due_at, channel_id, message_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS unused_files (
    tenant_id  VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    hash       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    removed_at DATETIME(3),
    PRIMARY KEY (tenant_id, hash) /*T![clustered_index] CLUSTERED */,
    INDEX unused_files_removed (removed_at, tenant_id, hash)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE media ADD INDEX IF NOT EXISTS media_by_hash (tenant_id, hash, channel_id, message_id, attachment_id);

-- No deletion removed content before: every channel is gone through once.
INSERT INTO removals (channel_id, message_id, due_at)
SELECT channel_id, 0, CAST('1970-01-01' AS DATETIME(3))
FROM channels
ON DUPLICATE KEY UPDATE due_at = removals.due_at;
