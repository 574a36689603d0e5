CREATE TABLE IF NOT EXISTS gateway_sessions (
    account     TEXT    NOT NULL,
    shard_index INTEGER NOT NULL,
    shard_count INTEGER NOT NULL,
    session_id  TEXT    NOT NULL,
    resume_url  TEXT    NOT NULL,
    sequence    INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    CONSTRAINT gateway_sessions_primary PRIMARY KEY (account, shard_index)
) STRICT, WITHOUT ROWID;
