CREATE TABLE IF NOT EXISTS archive (
    archive_id TINYINT UNSIGNED NOT NULL,
    key_check  VARCHAR(16)      CHARACTER SET ascii COLLATE ascii_bin,
    PRIMARY KEY (archive_id) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO archive (archive_id, key_check)
VALUES (1, NULL)
ON DUPLICATE KEY UPDATE archive_id = VALUES(archive_id);
