CREATE TABLE IF NOT EXISTS guilds (
    tenant_id   VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    observed_at DATETIME(3) NOT NULL,
    PRIMARY KEY (tenant_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT guilds_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS roles (
    tenant_id   VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    role_id     BIGINT UNSIGNED NOT NULL,
    name        MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    color       INT UNSIGNED,
    position    INT             NOT NULL,
    observed_at DATETIME(3)     NOT NULL,
    deleted_at  DATETIME(3),
    PRIMARY KEY (tenant_id, role_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT roles_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS emojis (
    tenant_id   VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    emoji_id    BIGINT UNSIGNED NOT NULL,
    name        MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    animated    BOOLEAN         NOT NULL,
    observed_at DATETIME(3)     NOT NULL,
    deleted_at  DATETIME(3),
    PRIMARY KEY (tenant_id, emoji_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT emojis_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS stickers (
    tenant_id   VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    sticker_id  BIGINT UNSIGNED NOT NULL,
    name        MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    format      MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    description MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    observed_at DATETIME(3)     NOT NULL,
    deleted_at  DATETIME(3),
    PRIMARY KEY (tenant_id, sticker_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT stickers_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
