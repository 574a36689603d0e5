CREATE TABLE IF NOT EXISTS changes (
    change_id  INTEGER NOT NULL,
    channel_id TEXT    NOT NULL,
    low        INTEGER NOT NULL,
    high       INTEGER NOT NULL,
    CONSTRAINT changes_primary PRIMARY KEY (change_id AUTOINCREMENT),
    CONSTRAINT changes_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX IF NOT EXISTS changes_by_channel ON changes (channel_id);
