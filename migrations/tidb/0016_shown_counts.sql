UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '0'
            AND channel_id < '1'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '1'
            AND channel_id < '2'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '2'
            AND channel_id < '3'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '3'
            AND channel_id < '4'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '4'
            AND channel_id < '5'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '5'
            AND channel_id < '6'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '6'
            AND channel_id < '7'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '7'
            AND channel_id < '8'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '8'
            AND channel_id < '9'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= '9'
            AND channel_id < 'a'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'a'
            AND channel_id < 'b'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'b'
            AND channel_id < 'c'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'c'
            AND channel_id < 'd'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'd'
            AND channel_id < 'e'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'e'
            AND channel_id < 'f'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );

UPDATE channels
JOIN (
    SELECT channel_id, SUM(kind_is_shown AND is_live) AS message_count,
        MAX(CASE WHEN kind_is_shown AND is_live THEN message_id END) AS newest
    FROM (
        SELECT channel_id, message_id, deleted_at IS NULL AS is_live, kind IN (
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
        ) AS kind_is_shown
        FROM messages
        WHERE channel_id >= 'f'
            AND channel_id < 'g'
    ) AS examined
    GROUP BY channel_id
    HAVING MIN(kind_is_shown) = 0
) AS shown ON shown.channel_id = channels.channel_id
LEFT JOIN messages ON messages.channel_id = shown.channel_id AND messages.message_id = shown.newest
SET channels.message_count = shown.message_count,
    channels.last_activity_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND)
    ),
    channels.active_at = COALESCE(
        messages.sent_at,
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (shown.newest >> 22) * 1000 MICROSECOND),
        DATE_ADD(CAST('2015-01-01' AS DATETIME(3)), INTERVAL (channels.platform_id >> 22) * 1000 MICROSECOND)
    );
