CREATE TABLE IF NOT EXISTS change_log (
    change_id    INTEGER NOT NULL,
    tenant_id    TEXT    NOT NULL,
    channel_id   TEXT,
    kind         INTEGER NOT NULL,
    low          INTEGER,
    high         INTEGER,
    committed_at INTEGER NOT NULL,
    CONSTRAINT change_log_primary PRIMARY KEY (change_id)
) STRICT;

CREATE TABLE IF NOT EXISTS change_log_extent (
    extent_id       INTEGER NOT NULL,
    epoch           TEXT    NOT NULL,
    first_change_id INTEGER NOT NULL,
    last_change_id  INTEGER NOT NULL,
    CONSTRAINT change_log_extent_primary PRIMARY KEY (extent_id)
) STRICT;

INSERT INTO change_log_extent (extent_id, epoch, first_change_id, last_change_id)
VALUES (1, lower(hex(randomblob(16))), 1, 0)
ON CONFLICT (extent_id) DO NOTHING;
