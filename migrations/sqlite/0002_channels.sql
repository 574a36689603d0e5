CREATE TABLE IF NOT EXISTS channels (
    channel_id       TEXT    NOT NULL,
    tenant_id        TEXT    NOT NULL,
    platform_id      INTEGER NOT NULL,
    parent_id        TEXT,
    kind             INTEGER NOT NULL,
    thread           INTEGER NOT NULL,
    name             TEXT    NOT NULL,
    slug             TEXT    NOT NULL,
    topic            TEXT,
    position         INTEGER NOT NULL,
    nsfw             INTEGER NOT NULL,
    visibility       TEXT    NOT NULL,
    archived         INTEGER NOT NULL,
    locked           INTEGER NOT NULL,
    tags             TEXT,
    applied_tags     TEXT,
    extra            TEXT,
    message_count    INTEGER NOT NULL,
    thread_count     INTEGER NOT NULL,
    last_activity_at INTEGER,
    active_at        INTEGER NOT NULL,
    CONSTRAINT channels_primary PRIMARY KEY (channel_id),
    CONSTRAINT channels_slug UNIQUE (tenant_id, slug),
    CONSTRAINT channels_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    CONSTRAINT channels_parent FOREIGN KEY (parent_id) REFERENCES channels (channel_id) ON DELETE SET NULL,
    CONSTRAINT channels_visibility CHECK (visibility IN ('public', 'private'))
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS channels_by_tenant ON channels (tenant_id, channel_id);

CREATE INDEX IF NOT EXISTS channels_by_position ON channels (tenant_id, thread, position, platform_id);

CREATE INDEX IF NOT EXISTS channels_by_activity ON channels (parent_id, active_at, platform_id);

CREATE INDEX IF NOT EXISTS channels_by_platform_id ON channels (parent_id, platform_id);
