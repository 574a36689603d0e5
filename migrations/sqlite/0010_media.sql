CREATE TABLE IF NOT EXISTS media (
    channel_id    TEXT    NOT NULL,
    message_id    INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    tenant_id     TEXT    NOT NULL,
    state         INTEGER NOT NULL,
    tries         INTEGER NOT NULL,
    due_at        INTEGER,
    hash          TEXT,
    size_bytes    INTEGER,
    CONSTRAINT media_primary PRIMARY KEY (channel_id, message_id, attachment_id),
    CONSTRAINT media_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS media_due ON media (tenant_id, due_at, channel_id, message_id, attachment_id)
    WHERE due_at IS NOT NULL;
