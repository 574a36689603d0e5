CREATE TABLE IF NOT EXISTS tenants (
    tenant_id       VARCHAR(36)   CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    platform        VARCHAR(32)   CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    platform_id     VARCHAR(255)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    slug            VARCHAR(50)   CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    name            VARCHAR(255)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    status          VARCHAR(16)   CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    logo_url        VARCHAR(2048) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    primary_color   VARCHAR(7)    CHARACTER SET ascii   COLLATE ascii_bin,
    secondary_color VARCHAR(7)    CHARACTER SET ascii   COLLATE ascii_bin,
    accent_color    VARCHAR(7)    CHARACTER SET ascii   COLLATE ascii_bin,
    created_at      DATETIME(3)   NOT NULL,
    updated_at      DATETIME(3)   NOT NULL,
    deleting_since  DATETIME(3),
    PRIMARY KEY (tenant_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT tenants_slug UNIQUE (slug),
    CONSTRAINT tenants_platform UNIQUE (platform, platform_id),
    CONSTRAINT tenants_status CHECK (status IN ('ACTIVE', 'MAINTENANCE', 'CANCELLED'))
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
