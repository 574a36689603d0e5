CREATE TABLE IF NOT EXISTS change_log (
    change_id    BIGINT UNSIGNED  NOT NULL,
    tenant_id    VARCHAR(36)      CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    channel_id   VARCHAR(36)      CHARACTER SET ascii   COLLATE ascii_bin,
    kind         TINYINT UNSIGNED NOT NULL,
    low          BIGINT UNSIGNED,
    high         BIGINT UNSIGNED,
    committed_at DATETIME(3)      NOT NULL,
    PRIMARY KEY (change_id) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS change_log_extent (
    extent_id       TINYINT UNSIGNED NOT NULL,
    epoch           VARCHAR(36)      CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    first_change_id BIGINT UNSIGNED  NOT NULL,
    last_change_id  BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (extent_id) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO change_log_extent (extent_id, epoch, first_change_id, last_change_id)
VALUES (1, UUID(), 1, 0)
ON DUPLICATE KEY UPDATE extent_id = VALUES(extent_id);
