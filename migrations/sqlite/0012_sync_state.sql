CREATE TABLE IF NOT EXISTS sync_states (
    channel_id      TEXT NOT NULL,
    rechecked_at    INTEGER,
    listed_at       INTEGER,
    listed_whole_at INTEGER,
    requested_at    INTEGER,
    CONSTRAINT sync_states_primary PRIMARY KEY (channel_id),
    CONSTRAINT sync_states_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

ALTER TABLE jobs ADD COLUMN background INTEGER NOT NULL DEFAULT 0;
