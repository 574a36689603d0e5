CREATE TABLE IF NOT EXISTS archive (
    archive_id INTEGER NOT NULL,
    key_check  TEXT,
    CONSTRAINT archive_primary PRIMARY KEY (archive_id)
) STRICT, WITHOUT ROWID;

INSERT INTO archive (archive_id, key_check)
VALUES (1, NULL)
ON CONFLICT (archive_id) DO NOTHING;
