ALTER TABLE tenants ADD COLUMN retention_deleted_days INTEGER DEFAULT 0;

ALTER TABLE tenants ADD COLUMN retention_edited_days INTEGER DEFAULT 0;

-- The text of an unedited message has the edit time 0.
CREATE TABLE IF NOT EXISTS message_versions (
    channel_id  TEXT    NOT NULL,
    message_id  INTEGER NOT NULL,
    edited_at   INTEGER NOT NULL,
    tenant_id   TEXT    NOT NULL,
    content     TEXT    NOT NULL,
    embeds      TEXT,
    observed_at INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    is_deletion INTEGER NOT NULL,
    CONSTRAINT message_versions_primary PRIMARY KEY (channel_id, message_id, edited_at),
    CONSTRAINT message_versions_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS message_versions_replaced
    ON message_versions (tenant_id, is_deletion, replaced_at, channel_id, message_id, edited_at);

-- The message id 0 stands for all messages of a channel.
CREATE TABLE IF NOT EXISTS removals (
    channel_id TEXT    NOT NULL,
    message_id INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    CONSTRAINT removals_primary PRIMARY KEY (channel_id, message_id),
    CONSTRAINT removals_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS removals_due ON removals (due_at, channel_id, message_id);

CREATE TABLE IF NOT EXISTS unused_files (
    tenant_id  TEXT NOT NULL,
    hash       TEXT NOT NULL,
    removed_at INTEGER,
    CONSTRAINT unused_files_primary PRIMARY KEY (tenant_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS unused_files_removed ON unused_files (removed_at, tenant_id, hash);

CREATE INDEX IF NOT EXISTS media_by_hash ON media (tenant_id, hash, channel_id, message_id, attachment_id)
    WHERE hash IS NOT NULL;

-- No deletion removed content before: every channel is gone through once.
INSERT INTO removals (channel_id, message_id, due_at)
SELECT channel_id, 0, 0
FROM channels
WHERE true
ON CONFLICT (channel_id, message_id) DO NOTHING;
