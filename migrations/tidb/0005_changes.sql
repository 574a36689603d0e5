CREATE TABLE IF NOT EXISTS changes (
    change_id  BIGINT UNSIGNED NOT NULL,
    channel_id VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    low        BIGINT UNSIGNED NOT NULL,
    high       BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (change_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT changes_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE,
    INDEX changes_by_channel (channel_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS change_counter (
    counter_id     TINYINT UNSIGNED NOT NULL,
    last_change_id BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (counter_id) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO change_counter (counter_id, last_change_id)
VALUES (1, 0)
ON DUPLICATE KEY UPDATE counter_id = VALUES(counter_id);
