CREATE TABLE IF NOT EXISTS pictures (
    tenant_id   TEXT    NOT NULL,
    picture_key TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    state       INTEGER NOT NULL,
    tries       INTEGER NOT NULL,
    due_at      INTEGER,
    hash        TEXT,
    size_bytes  INTEGER,
    format      TEXT,
    width       INTEGER,
    height      INTEGER,
    CONSTRAINT pictures_primary PRIMARY KEY (tenant_id, picture_key),
    CONSTRAINT pictures_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS pictures_due ON pictures (tenant_id, due_at, picture_key)
    WHERE due_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS pictures_by_hash ON pictures (tenant_id, hash, picture_key)
    WHERE hash IS NOT NULL;
