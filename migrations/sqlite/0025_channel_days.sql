-- A day is the number YYYYMMDD.
CREATE TABLE IF NOT EXISTS channel_days (
    channel_id TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    by_people  INTEGER NOT NULL,
    text_bytes INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CONSTRAINT channel_days_primary PRIMARY KEY (channel_id, day),
    CONSTRAINT channel_days_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, OCTET_LENGTH(content) AS text_bytes, observed_at,
        CAST(strftime('%Y%m%d', ((message_id >> 22) + 1420070400000) / 1000, 'unixepoch') AS INTEGER) AS day
    FROM messages
    WHERE deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON CONFLICT (channel_id, day) DO UPDATE
SET messages = excluded.messages, by_people = excluded.by_people, text_bytes = excluded.text_bytes,
    changed_at = excluded.changed_at;
