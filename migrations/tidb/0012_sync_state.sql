CREATE TABLE IF NOT EXISTS sync_states (
    channel_id      VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rechecked_at    DATETIME(3),
    listed_at       DATETIME(3),
    listed_whole_at DATETIME(3),
    requested_at    DATETIME(3),
    PRIMARY KEY (channel_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT sync_states_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE jobs ADD COLUMN IF NOT EXISTS background BOOLEAN NOT NULL DEFAULT FALSE;
