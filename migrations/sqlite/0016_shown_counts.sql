UPDATE channels
SET message_count = shown.message_count,
    last_activity_at = shown.newest_at,
    active_at = COALESCE(shown.newest_at, (platform_id >> 22) + 1420070400000)
FROM (
    SELECT counted.channel_id, counted.message_count,
        COALESCE(messages.sent_at, (counted.newest >> 22) + 1420070400000) AS newest_at
    FROM (
        SELECT channel_id, SUM(is_shown) AS message_count, MAX(CASE WHEN is_shown THEN message_id END) AS newest
        FROM (
            SELECT channel_id, message_id, kind_is_shown, kind_is_shown AND deleted_at IS NULL AS is_shown
            FROM (
                SELECT channel_id, message_id, deleted_at, kind IN (
                    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 31, 46
                ) AS kind_is_shown
                FROM messages
            )
        )
        GROUP BY channel_id
        HAVING MIN(kind_is_shown) = 0
    ) AS counted
    LEFT JOIN messages ON messages.channel_id = counted.channel_id AND messages.message_id = counted.newest
) AS shown
WHERE shown.channel_id = channels.channel_id;
