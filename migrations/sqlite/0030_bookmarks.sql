CREATE TABLE IF NOT EXISTS bookmarks (
    reader   TEXT    NOT NULL,
    position TEXT    NOT NULL,
    due_at   INTEGER NOT NULL,
    CONSTRAINT bookmarks_primary PRIMARY KEY (reader)
) STRICT, WITHOUT ROWID;
