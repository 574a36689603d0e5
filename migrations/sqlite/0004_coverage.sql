CREATE TABLE IF NOT EXISTS coverage (
    channel_id    TEXT    NOT NULL,
    low           INTEGER,
    high          INTEGER,
    start_reached INTEGER NOT NULL,
    reason        TEXT,
    checked_at    INTEGER,
    CONSTRAINT coverage_primary PRIMARY KEY (channel_id),
    CONSTRAINT coverage_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS coverage_segments (
    channel_id  TEXT    NOT NULL,
    low         INTEGER NOT NULL,
    high        INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    CONSTRAINT coverage_segments_primary PRIMARY KEY (channel_id, low),
    CONSTRAINT coverage_segments_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
