CREATE TABLE IF NOT EXISTS unreadable_messages (
    channel_id    TEXT    NOT NULL,
    unreadable_id TEXT    NOT NULL,
    message_id    INTEGER,
    low           INTEGER NOT NULL,
    high          INTEGER NOT NULL,
    reason        TEXT    NOT NULL,
    raw           TEXT,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    CONSTRAINT unreadable_messages_primary PRIMARY KEY (channel_id, unreadable_id),
    CONSTRAINT unreadable_messages_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
