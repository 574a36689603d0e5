CREATE TABLE IF NOT EXISTS pictures (
    tenant_id   VARCHAR(36)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    picture_key VARCHAR(32)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name        VARCHAR(100)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state       TINYINT UNSIGNED NOT NULL,
    tries       INT UNSIGNED     NOT NULL,
    due_at      DATETIME(3),
    hash        VARCHAR(64)      CHARACTER SET ascii COLLATE ascii_bin,
    size_bytes  BIGINT UNSIGNED,
    format      VARCHAR(16)      CHARACTER SET ascii COLLATE ascii_bin,
    width       INT UNSIGNED,
    height      INT UNSIGNED,
    PRIMARY KEY (tenant_id, picture_key) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT pictures_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE,
    INDEX pictures_due (tenant_id, due_at, picture_key),
    INDEX pictures_by_hash (tenant_id, hash, picture_key)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
