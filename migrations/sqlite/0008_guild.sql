CREATE TABLE IF NOT EXISTS guilds (
    tenant_id   TEXT    NOT NULL,
    observed_at INTEGER NOT NULL,
    CONSTRAINT guilds_primary PRIMARY KEY (tenant_id),
    CONSTRAINT guilds_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS roles (
    tenant_id   TEXT    NOT NULL,
    role_id     INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    color       INTEGER,
    position    INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    deleted_at  INTEGER,
    CONSTRAINT roles_primary PRIMARY KEY (tenant_id, role_id),
    CONSTRAINT roles_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS emojis (
    tenant_id   TEXT    NOT NULL,
    emoji_id    INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    animated    INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    deleted_at  INTEGER,
    CONSTRAINT emojis_primary PRIMARY KEY (tenant_id, emoji_id),
    CONSTRAINT emojis_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stickers (
    tenant_id   TEXT    NOT NULL,
    sticker_id  INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    format      TEXT    NOT NULL,
    description TEXT,
    observed_at INTEGER NOT NULL,
    deleted_at  INTEGER,
    CONSTRAINT stickers_primary PRIMARY KEY (tenant_id, sticker_id),
    CONSTRAINT stickers_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
