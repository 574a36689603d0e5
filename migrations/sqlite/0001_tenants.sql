CREATE TABLE IF NOT EXISTS tenants (
    tenant_id       TEXT    NOT NULL,
    platform        TEXT    NOT NULL,
    platform_id     TEXT    NOT NULL,
    slug            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    logo_url        TEXT,
    primary_color   TEXT,
    secondary_color TEXT,
    accent_color    TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleting_since  INTEGER,
    CONSTRAINT tenants_primary PRIMARY KEY (tenant_id),
    CONSTRAINT tenants_slug UNIQUE (slug),
    CONSTRAINT tenants_platform UNIQUE (platform, platform_id),
    CONSTRAINT tenants_status CHECK (status IN ('ACTIVE', 'MAINTENANCE', 'CANCELLED'))
) STRICT, WITHOUT ROWID;
