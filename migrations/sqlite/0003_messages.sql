CREATE TABLE IF NOT EXISTS messages (
    channel_id     TEXT    NOT NULL,
    message_id     INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    author         TEXT    NOT NULL,
    author_bot     INTEGER NOT NULL,
    author_webhook INTEGER NOT NULL,
    content        TEXT    NOT NULL,
    edited_at      INTEGER,
    observed_at    INTEGER NOT NULL,
    origin         INTEGER NOT NULL,
    digest         INTEGER NOT NULL,
    pinned         INTEGER NOT NULL,
    flags          INTEGER NOT NULL,
    ref_kind       INTEGER,
    ref_message_id INTEGER,
    ref_channel_id INTEGER,
    ref_guild_id   INTEGER,
    mentions       TEXT,
    embeds         TEXT,
    stickers       TEXT,
    components     TEXT,
    snapshots      TEXT,
    poll           TEXT,
    extra          TEXT,
    deleted_at     INTEGER,
    CONSTRAINT messages_primary PRIMARY KEY (channel_id, message_id),
    CONSTRAINT messages_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS messages_by_id ON messages (message_id);

CREATE TABLE IF NOT EXISTS attachments (
    channel_id    TEXT    NOT NULL,
    message_id    INTEGER NOT NULL,
    attachment_id INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    filename      TEXT    NOT NULL,
    content_type  TEXT,
    size_bytes    INTEGER NOT NULL,
    width         INTEGER,
    height        INTEGER,
    description   TEXT,
    spoiler       INTEGER NOT NULL,
    url           TEXT,
    local_path    TEXT,
    extra         TEXT,
    CONSTRAINT attachments_primary PRIMARY KEY (channel_id, message_id, attachment_id),
    CONSTRAINT attachments_message FOREIGN KEY (channel_id, message_id)
        REFERENCES messages (channel_id, message_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS reactions (
    channel_id TEXT    NOT NULL,
    message_id INTEGER NOT NULL,
    emoji      TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    emoji_id   INTEGER,
    emoji_name TEXT,
    animated   INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    people     TEXT,
    CONSTRAINT reactions_primary PRIMARY KEY (channel_id, message_id, emoji),
    CONSTRAINT reactions_message FOREIGN KEY (channel_id, message_id)
        REFERENCES messages (channel_id, message_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
