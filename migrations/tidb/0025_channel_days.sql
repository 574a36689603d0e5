-- A day is the number YYYYMMDD.
CREATE TABLE IF NOT EXISTS channel_days (
    channel_id VARCHAR(36)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day        INT UNSIGNED NOT NULL,
    messages   BIGINT       NOT NULL,
    by_people  BIGINT       NOT NULL,
    text_bytes BIGINT       NOT NULL,
    changed_at DATETIME(3)  NOT NULL,
    PRIMARY KEY (channel_id, day) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT channel_days_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- In parts, each a transaction of bounded size.
INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '0'
        AND channel_id < '1'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '1'
        AND channel_id < '2'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '2'
        AND channel_id < '3'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '3'
        AND channel_id < '4'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '4'
        AND channel_id < '5'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '5'
        AND channel_id < '6'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '6'
        AND channel_id < '7'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '7'
        AND channel_id < '8'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '8'
        AND channel_id < '9'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= '9'
        AND channel_id < 'a'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'a'
        AND channel_id < 'b'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'b'
        AND channel_id < 'c'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'c'
        AND channel_id < 'd'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'd'
        AND channel_id < 'e'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'e'
        AND channel_id < 'f'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);

INSERT INTO channel_days (channel_id, day, messages, by_people, text_bytes, changed_at)
SELECT channel_id, day, COUNT(*), SUM(author_bot = 0 AND author_webhook = 0), SUM(text_bytes), MAX(observed_at)
FROM (
    SELECT channel_id, author_bot, author_webhook, LENGTH(content) AS text_bytes, observed_at,
        CAST(DATE_FORMAT(
            DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (message_id >> 22) * 1000 MICROSECOND), '%Y%m%d'
        ) AS UNSIGNED) AS day
    FROM messages
    WHERE channel_id >= 'f'
        AND deleted_at IS NULL
        AND kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        )
) AS shown
GROUP BY channel_id, day
ON DUPLICATE KEY UPDATE
    messages = VALUES(messages), by_people = VALUES(by_people), text_bytes = VALUES(text_bytes),
    changed_at = VALUES(changed_at);
